// The affine map that every family is made of, in the two layouts that checkpoints store it in.

import { gemm } from '../onnx/contraction.ts';
import type { Value } from '../onnx/value.ts';
import { type PartScope, tensor, type WeightSource } from './architecture.ts';

/**
 * y = x Wᵀ + b
 * @param x      [tokens, inputs]
 * @param weight [outputs, inputs], as PyTorch's Linear stores it
 * @param bias   [outputs], or absent
 * @returns      [tokens, outputs]
 */
export function linear(x: Value, weight: Value, bias?: Value): Value {
  return gemm(x, weight, { transposeB: true, ...(bias ? { bias } : {}) });
}

/** y = x W + b, with weight [inputs, outputs], as GPT-2 stores it. */
export function linearByColumns(x: Value, weight: Value, bias: Value): Value {
  return gemm(x, weight, { bias });
}

/** The weight inputs of a `linear` named `name` that stands under `path` in the checkpoint. */
export function linearWeights(
  name: string,
  path: string,
  shape: { readonly inputs: number; readonly outputs: number; readonly bias: boolean },
): Record<string, WeightSource> {
  const weight = { [`${name}.weight`]: tensor(`${path}.weight`, shape.outputs, shape.inputs) };
  return shape.bias ? { ...weight, [`${name}.bias`]: tensor(`${path}.bias`, shape.outputs) } : weight;
}

/** Apply the `linear` whose weights are inputs of the part under `name`. */
export function applyLinear(scope: PartScope, x: Value, name: string, hasBias: boolean): Value {
  return linear(x, scope.weight(`${name}.weight`), hasBias ? scope.weight(`${name}.bias`) : undefined);
}
