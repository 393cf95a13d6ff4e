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

/**
 * The entries of each row so many positions before; `fill` where there is no such position.
 * @param x [rows, positions, ...]
 */
function before(x: Value, count: number, fill: number): Value {
  const at = places(x, 1);
  const earlier = gather(x, maximum(sub(at, int32(count)), int32(0)), 1);
  const axes = x.shape.slice(2).map((_, axis) => axis + 1);
  return where(unsqueeze(greaterOrEqual(at, int32(count)), axes), earlier, constant(fill));
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
    return mul(back === 0 ? x : before(x, back, 0), factor);
  });
  return (bias ? [...taps, bias] : taps).reduce(add);
}

/** Steps of `linearRecurrence`: each doubles the positions that it reaches over. */
const doublings = 12;

/** Positions over which a linear recurrence reaches. */
export const recurrencePositions = 2 ** doublings;

/**
 * h_t = a_t h_(t-1) + b_t along the positions, from h = 0, by doubling: after step k an entry holds what the last 2^k
 * positions make of it. A loop over positions would run on the CPU.
 * @param a [rows, positions, ...]
 * @param b as `a`
 * @see Blelloch 1990, "Prefix Sums and Their Applications"
 */
export function linearRecurrence(a: Value, b: Value): Value {
  let [factor, sum] = [a, b];
  for (let step = 0; step < doublings; step++) {
    const count = 2 ** step;
    sum = add(sum, mul(factor, before(sum, count, 0)));
    if (step + 1 < doublings) factor = mul(factor, before(factor, count, 1));
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
