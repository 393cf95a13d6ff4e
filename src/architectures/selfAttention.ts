// The attention sublayer: projections, norms of queries and keys, rotation, softmax attention and the output projection,
// with a site at each. Families differ in what they give it, not in its order.

import type { Value } from '../onnx/value.ts';
import type { BlockScope } from './architecture.ts';
import { attention, type PositionBias } from './attention.ts';
import type { BlockModule, Module } from './module.ts';
import type { HeadShape, Projections } from './projections.ts';
import { type RotaryOptions, rotaryWeights, rotate } from './rotary.ts';

export interface SelfAttention extends HeadShape {
  readonly projections: Projections;
  readonly output: Module;
  /** Factor on the products of queries and keys. */
  readonly scale: number;
  /** Of queries and keys, before they are rotated. */
  readonly norms?: { readonly query: Module; readonly key: Module };
  readonly rotary?: RotaryOptions;
  /** A query sees its own position and the `window` - 1 before it; absent: all. */
  readonly window?: number | undefined;
  /** Scores s become cap · tanh(s / cap). */
  readonly softCap?: number | undefined;
  readonly bias?: PositionBias;
  /** A query sees later positions too, as in encoders. */
  readonly isBidirectional?: boolean;
}

export function selfAttention(options: SelfAttention): BlockModule {
  const { projections, output, norms, rotary, bias, heads, keyValueHeads } = options;
  const turn = (x: Value, count: number, scope: BlockScope) => (rotary ? rotate(x, count, scope, rotary) : x);
  return {
    weights: {
      ...projections.weights,
      ...norms?.query.weights,
      ...norms?.key.weights,
      ...output.weights,
      ...(rotary ? rotaryWeights(rotary) : {}),
      ...bias?.weights,
    },
    apply: (scope, x) => {
      const { site } = scope;
      const projected = projections.apply(scope, site('attention_input', x));
      const query = site('query_output', projected.query, heads);
      const key = site('key_output', projected.key, keyValueHeads);
      const value = site('value_output', projected.value, keyValueHeads);
      const q = norms ? site('query_norm_output', norms.query.apply(scope, query), heads) : query;
      const k = norms ? site('key_norm_output', norms.key.apply(scope, key), keyValueHeads) : key;
      const gathered = attention(turn(q, heads, scope), turn(k, keyValueHeads, scope), value, options, scope);
      const mixed = output.apply(scope, site('attention_value_output', gathered, heads));
      return site('attention_output', mixed);
    },
  };
}
