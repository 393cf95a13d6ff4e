// Normalisations: of the residual stream, and of queries and keys, head by head or over their whole width.

import { multiplyDimensions } from '../onnx/dimension.ts';
import { add, mul } from '../onnx/elementwise.ts';
import { concat, reshape } from '../onnx/layout.ts';
import { layerNormalization, rmsNormalization } from '../onnx/reduction.ts';
import { constant, sizeAt, type Value } from '../onnx/value.ts';
import { type PartScope, tensor, type WeightSource } from './architecture.ts';
import type { Module, Place } from './module.ts';

export interface NormShape {
  readonly width: number;
  readonly epsilon: number;
}

/** What a layer norm's two parameters are called in the checkpoint. */
interface NormWords {
  readonly weight: string;
  readonly bias: string;
}

const newWords: NormWords = { weight: 'weight', bias: 'bias' };

/**
 * `gamma` and `beta` where the checkpoint calls the parameters of the norm at `path` so, as BERT's first ones do. The path
 * may begin otherwise there: behind a larger model's prefix, or without the model's own.
 */
export function normWords(names: ReadonlySet<string>, path: string): NormWords {
  const old = `${path.slice(path.indexOf('.') + 1)}.gamma`;
  const isOld = [...names].some((name) => name === old || name.endsWith(`.${old}`));
  return isOld ? { weight: 'gamma', bias: 'beta' } : newWords;
}

interface LayerNormOptions {
  readonly bias?: boolean;
  readonly words?: NormWords;
}

/** (x - mean) / sqrt(variance + epsilon) * weight + bias over the last axis. */
export function layerNorm(
  { name, path }: Place,
  { width, epsilon, bias = true, words = newWords }: NormShape & LayerNormOptions,
): Module {
  const weight = { [`${name}.weight`]: tensor(`${path}.${words.weight}`, width) };
  return {
    weights: bias ? { ...weight, [`${name}.bias`]: tensor(`${path}.${words.bias}`, width) } : weight,
    apply: (scope, x) =>
      layerNormalization(
        x,
        scope.weight(`${name}.weight`),
        bias ? scope.weight(`${name}.bias`) : undefined,
        epsilon,
      ),
  };
}

/**
 * x / sqrt(mean(x²) + epsilon) * weight over the last axis.
 * @param isOffset the weight is stored less 1, as Gemma does
 */
export function rmsNorm(
  { name, path }: Place,
  { width, epsilon, isOffset = false }: NormShape & { readonly isOffset?: boolean },
): Module {
  return {
    weights: { [`${name}.weight`]: tensor(`${path}.weight`, width) },
    apply: (scope, x) => {
      const stored = scope.weight(`${name}.weight`);
      return rmsNormalization(x, isOffset ? add(stored, constant(1)) : stored, epsilon);
    },
  };
}

/** [tokens, heads * headWidth] as [tokens, heads, headWidth], changed, and back. */
function perHead(x: Value, heads: number, change: (byHead: Value) => Value): Value {
  const tokens = sizeAt(x.shape, 0);
  const headWidth = Number(sizeAt(x.shape, 1)) / heads;
  return reshape(change(reshape(x, [tokens, heads, headWidth])), [
    tokens,
    multiplyDimensions(heads, headWidth),
  ]);
}

/** A norm over the entries of each head, with one weight for all heads. */
export function byHead(norm: Module, heads: number): Module {
  return { weights: norm.weights, apply: (scope, x) => perHead(x, heads, (y) => norm.apply(scope, y)) };
}

/** A layer norm over the entries of each head, without bias, with a weight [heads, headWidth]: one for each head. */
function byHeadWithOwnWeights(
  weights: Readonly<Record<string, WeightSource>>,
  weight: (scope: PartScope) => Value,
  { heads, headWidth, epsilon }: OwnWeights,
): Module {
  const ones = constant(new Float32Array(headWidth).fill(1), [headWidth]);
  return {
    weights,
    apply: (scope, x) =>
      perHead(x, heads, (y) => mul(layerNormalization(y, ones, undefined, epsilon), weight(scope))),
  };
}

interface OwnWeights {
  readonly heads: number;
  readonly headWidth: number;
  readonly epsilon: number;
}

/** As `byHead`, with a weight for each head in one tensor [heads, headWidth]. */
export function layerNormOfHeads({ name, path }: Place, shape: OwnWeights): Module {
  const weights = { [`${name}.weight`]: tensor(`${path}.weight`, shape.heads, shape.headWidth) };
  return byHeadWithOwnWeights(weights, (scope) => scope.weight(`${name}.weight`), shape);
}

/** As `layerNormOfHeads`, with a tensor [headWidth] for each head: `PATH.0.weight`, `PATH.1.weight`, ... */
export function layerNormOfEachHead({ name, path }: Place, shape: OwnWeights): Module {
  const names = Array.from({ length: shape.heads }, (_, head) => `${head}.weight`);
  const weights = Object.fromEntries(
    names.map((own) => [`${name}.${own}`, tensor(`${path}.${own}`, shape.headWidth)]),
  );
  const rows = (scope: PartScope) =>
    names.map((own) => reshape(scope.weight(`${name}.${own}`), [1, shape.headWidth]));
  return byHeadWithOwnWeights(weights, (scope) => concat(rows(scope), 0), shape);
}
