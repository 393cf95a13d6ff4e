// Softmax attention over a batch of rows of any lengths.
//
// Outside attention, tokens of all rows lie flat. Here they are gathered into [rows, queries]; keys are gathered from
// the ancestors' keys followed by the batch's own, so a row that forked from another at some position reads its parent's
// keys before it. Which query may see which key follows from their positions alone.

import { matMul } from '../onnx/contraction.ts';
import { multiplyDimensions } from '../onnx/dimension.ts';
import { add, and, div, less, lessOrEqual, mul, sub, tanh, where } from '../onnx/elementwise.ts';
import { gather, reshape, transpose, unsqueeze } from '../onnx/layout.ts';
import { softmax } from '../onnx/reduction.ts';
import { constant, int32, sizeAt, type Value } from '../onnx/value.ts';
import { type AttentionBatch, type BlockScope, type MemoryBatch, nowhere } from './architecture.ts';
import type { Weighted } from './module.ts';
import type { HeadShape } from './projections.ts';

/** The score of a pair that is masked: exp of it is exactly 0, and a row of nothing else gives no NaN. */
const maskedScore = -3.4028234663852886e38;

/** A number added to the score of a query and a key for where they stand, such as ALiBi's. */
export interface PositionBias extends Weighted {
  /** Broadcasts against [rows, heads, queries, keys]. */
  readonly build: (scope: BlockScope) => Value;
}

export interface AttentionShape extends HeadShape {
  /** Factor on the scores, usually 1 / sqrt(headWidth). */
  readonly scale: number;
  /** A query sees its own position and the `window` - 1 before it; absent: all. */
  readonly window?: number | undefined;
  /** Scores s become cap · tanh(s / cap), before they are masked. */
  readonly softCap?: number | undefined;
  /** Added to the scaled scores. */
  readonly bias?: PositionBias;
  /** A query sees later positions too. */
  readonly isBidirectional?: boolean | undefined;
}

/** bool [rows, 1, queries, keys]: the key's position is not after the query's, nor further back than the window. */
export function visible(batch: AttentionBatch, window: number | undefined): Value {
  const query = unsqueeze(batch.queryPositions, [1, 3]);
  const key = unsqueeze(batch.keyPositions, [1, 2]);
  const past = lessOrEqual(key, query);
  return window === undefined ? past : and(past, less(sub(query, key), int32(window)));
}

/** cap · tanh(x / cap): x where it is small, never beyond the cap. */
export function softCapped(x: Value, cap: number): Value {
  return mul(tanh(div(x, constant(cap))), constant(cap));
}

/**
 * softmax(scale · q kᵀ + bias, masked) v, with sites for scores and weights.
 * @param query [tokens, heads * headWidth]
 * @param key   [tokens, keyValueHeads * headWidth]
 * @param value [tokens, keyValueHeads * headWidth]
 * @returns     [tokens, heads * headWidth], heads side by side
 */
export function attention(
  query: Value,
  key: Value,
  value: Value,
  shape: AttentionShape,
  scope: BlockScope,
): Value {
  const { batch } = scope;
  // Padding stands at no position.
  const mask = shape.isBidirectional
    ? less(unsqueeze(batch.keyPositions, [1, 2]), int32(nowhere))
    : visible(batch, shape.window);
  const seen = { ...batch.joinPast(key, value), index: batch.keyIndex, mask, prefix: '' };
  return attend(query, seen, shape, scope);
}

/**
 * As `attention`, of a decoder's queries and the keys and values that its layer made of the encoder's last states.
 * @param query [tokens, heads * headWidth]
 */
export function attentionToMemory(
  query: Value,
  { index, positions, take }: MemoryBatch,
  shape: AttentionShape,
  scope: BlockScope,
): Value {
  const mask = less(unsqueeze(positions, [1, 2]), int32(nowhere));
  const known = take(shape.keyValueHeads * shape.headWidth);
  return attend(query, { ...known, index, mask, prefix: 'cross_' }, shape, scope);
}

/** What the queries of a batch may see. */
interface Seen {
  /** [places, keyValueHeads * headWidth] */
  readonly keys: Value;
  readonly values: Value;
  /** int32 [rows, keys] */
  readonly index: Value;
  /** bool, broadcasts against [rows, heads, queries, keys] */
  readonly mask: Value;
  /** Of the names of the sites. */
  readonly prefix: string;
}

function attend(query: Value, seen: Seen, shape: AttentionShape, scope: BlockScope): Value {
  const { batch, site } = scope;
  const { index, mask, prefix } = seen;
  const { heads, keyValueHeads, headWidth } = shape;
  const group = heads / keyValueHeads;
  const rows = sizeAt(batch.queryIndex.shape, 0);
  const queries = sizeAt(batch.queryIndex.shape, 1);
  const keys = sizeAt(index.shape, 1);
  const grouped = multiplyDimensions(group, queries);

  // Query heads that share a key-value head stand under it, so that no key is copied for each of them.
  const scaled = mul(gather(query, batch.queryIndex, 0), constant(shape.scale));
  const q = reshape(
    transpose(reshape(scaled, [rows, queries, keyValueHeads, group, headWidth]), [0, 2, 3, 1, 4]),
    [rows, keyValueHeads, grouped, headWidth],
  );
  const k = transpose(
    reshape(gather(seen.keys, index, 0), [rows, keys, keyValueHeads, headWidth]),
    [0, 2, 3, 1],
  );
  const v = transpose(
    reshape(gather(seen.values, index, 0), [rows, keys, keyValueHeads, headWidth]),
    [0, 2, 1, 3],
  );

  const masked = (scores: Value) => where(mask, scores, constant(maskedScore));
  const products = reshape(matMul(q, k), [rows, heads, queries, keys]);
  const biased = shape.bias ? add(products, shape.bias.build(scope)) : products;
  const raw = masked(shape.softCap === undefined ? biased : softCapped(biased, shape.softCap));
  const scores = site(`${prefix}attention_scores`, raw);
  // An edited score must not open a masked pair.
  const weights = site(`${prefix}attention_weight`, softmax(scores === raw ? raw : masked(scores)));

  const mixed = matMul(reshape(weights, [rows, keyValueHeads, grouped, keys]), v);
  const byPosition = transpose(reshape(mixed, [rows, heads, queries, headWidth]), [0, 2, 1, 3]);
  const flat = reshape(byPosition, [multiplyDimensions(rows, queries), heads * headWidth]);
  return gather(flat, batch.tokenSlot, 0);
}
