// Queries, keys and values from what attention reads: three matrices, or one whose rows lie in one of two orders.

import { multiplyDimensions } from '../onnx/dimension.ts';
import { reshape, slice } from '../onnx/layout.ts';
import { sizeAt, type Value } from '../onnx/value.ts';
import type { PartScope } from './architecture.ts';
import type { Module, Weighted } from './module.ts';

export interface HeadShape {
  readonly heads: number;
  /** Divides `heads`; each serves heads / keyValueHeads query heads. */
  readonly keyValueHeads: number;
  readonly headWidth: number;
}

export interface QueryKeyValue {
  /** [tokens, heads * headWidth] */
  readonly query: Value;
  /** [tokens, keyValueHeads * headWidth] */
  readonly key: Value;
  /** [tokens, keyValueHeads * headWidth] */
  readonly value: Value;
}

export interface Projections extends Weighted {
  readonly apply: (scope: PartScope, x: Value) => QueryKeyValue;
}

export function separateProjections(query: Module, key: Module, value: Module): Projections {
  return {
    weights: { ...query.weights, ...key.weights, ...value.weights },
    apply: (scope, x) => ({
      query: query.apply(scope, x),
      key: key.apply(scope, x),
      value: value.apply(scope, x),
    }),
  };
}

/**
 * One matrix for all three.
 * @param order `whole`: all queries, then all keys, then all values; `grouped`: for each key-value head the queries that
 *              it serves, its key and its value
 */
export function fusedProjection(
  module: Module,
  order: 'whole' | 'grouped',
  { heads, keyValueHeads, headWidth }: HeadShape,
): Projections {
  const groups = order === 'whole' ? 1 : keyValueHeads;
  const queries = (heads / groups) * headWidth;
  const keys = (keyValueHeads / groups) * headWidth;
  return {
    weights: module.weights,
    apply: (scope, x) => {
      const fused = scope.site('qkv_output', module.apply(scope, x));
      const tokens = sizeAt(fused.shape, 0);
      const byGroup = reshape(fused, [tokens, groups, queries + 2 * keys]);
      const cut = (from: number, width: number) =>
        reshape(slice(byGroup, 2, from, from + width), [tokens, multiplyDimensions(groups, width)]);
      return { query: cut(0, queries), key: cut(queries, keys), value: cut(queries + keys, keys) };
    },
  };
}
