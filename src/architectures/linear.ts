// The affine map that every family is made of, in the two layouts that checkpoints store it in, and the table of tokens.

import { gemm } from '../onnx/contraction.ts';
import { gather } from '../onnx/layout.ts';
import { tensor } from './architecture.ts';
import type { Module, Place } from './module.ts';

export interface LinearShape {
  readonly inputs: number;
  readonly outputs: number;
  readonly bias: boolean;
}

/**
 * y = x Wᵀ + b on [tokens, inputs], with the weight [outputs, inputs] as PyTorch's Linear stores it.
 * @param place of the module; `weightPath` where its weight is another module's (a tied unembedding)
 */
export function linear(
  { name, path }: Place,
  { inputs, outputs, bias }: LinearShape,
  weightPath = path,
): Module {
  const weight = { [`${name}.weight`]: tensor(`${weightPath}.weight`, outputs, inputs) };
  return {
    weights: bias ? { ...weight, [`${name}.bias`]: tensor(`${path}.bias`, outputs) } : weight,
    apply: (scope, x) =>
      gemm(x, scope.weight(`${name}.weight`), {
        transposeB: true,
        ...(bias ? { bias: scope.weight(`${name}.bias`) } : {}),
      }),
  };
}

/** y = x W + b, with the weight [inputs, outputs], as GPT-2 stores it. */
export function linearByColumns({ name, path }: Place, inputs: number, outputs: number): Module {
  return {
    weights: {
      [`${name}.weight`]: tensor(`${path}.weight`, inputs, outputs),
      [`${name}.bias`]: tensor(`${path}.bias`, outputs),
    },
    apply: (scope, x) => gemm(x, scope.weight(`${name}.weight`), { bias: scope.weight(`${name}.bias`) }),
  };
}

/** A row of a table for each index: int32 [tokens] to [tokens, width]. */
export function embedding({ name, path }: Place, rows: number, width: number): Module {
  return {
    weights: { [`${name}.weight`]: tensor(`${path}.weight`, rows, width) },
    apply: (scope, indices) => gather(scope.weight(`${name}.weight`), indices, 0),
  };
}
