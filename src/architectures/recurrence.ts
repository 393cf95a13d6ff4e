// Recurrences over the positions of rows, as graphs. State-space models carry a state from position to position; here each
// row's positions are gathered side by side, those of its ancestors too (as attention gathers keys), and what the state
// would have carried is computed from all of them at once. So a row that forks at a position needs no kept state: it
// gathers its ancestors' inputs.

import { multiplyDimensions } from '../onnx/dimension.ts';
import { add, greaterOrEqual, maximum, mul, sub, where } from '../onnx/elementwise.ts';
import { places, sizeAlong } from '../onnx/fill.ts';
import { gather, reshape, slice, unsqueeze } from '../onnx/layout.ts';
import { constant, int32, type Value } from '../onnx/value.ts';
import type { AttentionBatch } from './architecture.ts';

/**
 * [tokens, width] of the batch with those of its rows' ancestors as [rows, positions, width]. They are handed from row to
 * row as attention's keys are; what stands in the place of values is the same, and nothing reads it.
 */
export const byRow = (x: Value, batch: AttentionBatch): Value =>
  gather(batch.joinPast(x, x).keys, batch.keyIndex, 0);

/** The entries of each row so many positions before; the first one's where there is no such position. */
const earlier = (x: Value, count: number): Value =>
  gather(x, maximum(sub(places(x, 1), int32(count)), int32(0)), 1);

/**
 * The entries of each row so many positions before; zero where there is no such position.
 * @param x [rows, positions, ...]
 */
function before(x: Value, count: number): Value {
  const axes = x.shape.slice(2).map((_, axis) => axis + 1);
  const isThere = unsqueeze(greaterOrEqual(places(x, 1), int32(count)), axes);
  return where(isThere, earlier(x, count), constant(0));
}

/**
 * A convolution over positions, each channel by itself, that sees its position and those before it.
 * @param x      [rows, positions, channels]
 * @param weight [channels, 1, kernel], its last entry for the position itself
 * @param bias   [channels], or absent
 */
export function causalConvolution(x: Value, weight: Value, bias?: Value): Value {
  const [channels = 1, , kernel = 1] = weight.shape;
  const taps = Array.from({ length: Number(kernel) }, (_, tap) => {
    const factor = reshape(slice(weight, 2, tap, tap + 1), [channels]);
    const back = Number(kernel) - 1 - tap;
    return mul(back === 0 ? x : before(x, back), factor);
  });
  return (bias ? [...taps, bias] : taps).reduce(add);
}

/** Positions over which a linear recurrence reaches at most. */
export const recurrencePositions = 2 ** 12;

/**
 * h_t = a_t h_(t-1) + b_t along the positions, from h = 0, by doubling: after step k an entry holds what the last 2^k
 * positions make of it. A loop over positions would run on the CPU. Steps that reach past the first position of every row add
 * nothing, to the last bit.
 * @param a     [rows, positions, ...], none above 1: before its first position a row's own products are taken again, and
 *              must stay finite, because they are multiplied by zero
 * @param b     as `a`
 * @param reach positions that no row has more than
 * @see Blelloch 1990, "Prefix Sums and Their Applications"
 */
export function linearRecurrence(a: Value, b: Value, reach: number = recurrencePositions): Value {
  let [factor, sum] = [a, b];
  for (let count = 1; count < reach; count *= 2) {
    sum = add(sum, mul(factor, before(sum, count)));
    if (2 * count < reach) factor = mul(factor, earlier(factor, count));
  }
  return sum;
}

/** [rows, positions, width] at the positions that the batch carries: [rows, queries, width]. */
export function atQueries(x: Value, { queryPositions }: AttentionBatch): Value {
  const [rows = 1, positions = 1, width = 1] = x.shape;
  const start = mul(unsqueeze(places(x, 0), [1]), sizeAlong(x, 1));
  const place = add(start, maximum(queryPositions, int32(0)));
  return gather(reshape(x, [multiplyDimensions(rows, positions), width]), place, 0);
}

/** [rows, queries, width] as [tokens, width]. */
export function toTokens(x: Value, batch: AttentionBatch): Value {
  const [rows = 1, queries = 1, width = 1] = x.shape;
  return gather(reshape(x, [multiplyDimensions(rows, queries), width]), batch.tokenSlot, 0);
}

/** Constant places: for each of `outputs` entries, which of `inputs` it belongs to. */
export function owners(outputs: number, inputs: number): Value {
  const each = outputs / inputs;
  return int32(
    Int32Array.from({ length: outputs }, (_, at) => Math.floor(at / each)),
    [outputs],
  );
}
