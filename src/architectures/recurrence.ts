// Recurrences over the positions of rows, as graphs. State-space models carry a state from position to position; here each
// row's positions are gathered side by side, and what the state would have carried is computed from all of them at once. A
// row that forks at a position either begins with what its ancestor handed to it there (`HandedStates`) and goes along its
// own positions, or gathers its ancestors' positions too, as attention gathers keys, and needs no kept state.

import { multiplyDimensions } from '../onnx/dimension.ts';
import { add, greaterOrEqual, maximum, mul, sub, where } from '../onnx/elementwise.ts';
import { places, sizeAlong } from '../onnx/fill.ts';
import { concat, gather, reshape, slice, unsqueeze } from '../onnx/layout.ts';
import { withGradient } from '../onnx/ownGradient.ts';
import { constant, int32, sizeAt, type Value } from '../onnx/value.ts';
import type { AttentionBatch, HandedStates } from './architecture.ts';

/**
 * [tokens, width] of the batch as [rows, positions, width]: those of its rows' ancestors are among them unless the rows
 * begin with states that were handed to them. They are handed from row to row as attention's keys are; what stands in the
 * place of values is the same, and nothing reads it.
 */
export const byRow = (x: Value, batch: AttentionBatch): Value =>
  batch.handed?.start ? gather(x, batch.queryIndex, 0) : gather(batch.joinPast(x, x).keys, batch.keyIndex, 0);

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

/** Entries that are kept of a convolution's stream, so that it can go on: those before a position that it sees there, or one. */
export const windowLength = (kernel: number): number => Math.max(kernel - 1, 1);

/**
 * A convolution over positions, each channel by itself, that sees its position and those before it. Hands on what it has
 * seen where rows fork.
 * @param x      [rows, positions, channels]
 * @param weight [channels, 1, kernel], its last entry for the position itself
 * @param bias   [channels], or absent
 */
export function causalConvolution(
  x: Value,
  { weight, bias }: { readonly weight: Value; readonly bias: Value | undefined },
  { handed }: AttentionBatch,
): Value {
  const [rows = 1, , channels = 1] = x.shape;
  const kernel = Number(sizeAt(weight.shape, 2));
  const length = windowLength(kernel);
  const window = handed?.start && reshape(handed.start.window, [rows, length, channels]);
  const joined = window && concat([window, x], 1);
  const back = (count: number): Value => {
    if (count === 0) return x;
    return joined ? gather(joined, add(places(x, 1), int32(length - count)), 1) : before(x, count);
  };
  if (handed?.kept) handed.kept.takeWindows(windowsBehind(x, handed.kept, length, window));
  const taps = Array.from({ length: kernel }, (_, tap) => {
    const factor = reshape(slice(weight, 2, tap, tap + 1), [channels]);
    return mul(back(kernel - 1 - tap), factor);
  });
  return (bias ? [...taps, bias] : taps).reduce(add);
}

/** The last entries at and before some places of each row: [rows * kept, length * channels], the earliest first. */
function windowsBehind(
  x: Value,
  { places: at }: NonNullable<HandedStates['kept']>,
  length: number,
  window: Value | undefined,
): Value {
  const [rows = 1, kept = 1] = at.shape;
  const channels = sizeAt(x.shape, 2);
  const entries = Array.from({ length }, (_, entry) => {
    const place = sub(at, int32(length - 1 - entry));
    const isThere = greaterOrEqual(place, int32(0));
    const earlier = window
      ? atPlaces(window, where(isThere, int32(0), add(place, int32(length))))
      : constant(0);
    return where(unsqueeze(isThere, [2]), atPlaces(x, maximum(place, int32(0))), earlier);
  });
  return reshape(concat(entries, 2), [multiplyDimensions(rows, kept), length * Number(channels)]);
}

/** Positions over which a linear recurrence reaches at most. */
export const recurrencePositions = 2 ** 12;

/** The positions of each row from its last to its first. */
const turned = (x: Value): Value => gather(x, sub(sub(sizeAlong(x, 1), int32(1)), places(x, 1)), 1);

/**
 * h_t = a_t h_(t-1) + b_t along the positions, from h = 0, by doubling: after step k an entry holds what the last 2^k
 * positions make of it. A loop over positions would run on the CPU. Steps that reach past the first position of every row add
 * nothing, to the last bit.
 *
 * Its gradient is such a recurrence too, from the last position to the first:
 *
 *     g_t = gradient of h_t + a_(t+1) g_(t+1);    gradient of a_t = g_t h_(t-1);    gradient of b_t = g_t
 *
 * @param a     [rows, positions, ...], none above 1: before its first position a row's own products are taken again, and
 *              must stay finite, because they are multiplied by zero
 * @param b     as `a`
 * @param reach positions that no row has more than
 * @see Blelloch 1990, "Prefix Sums and Their Applications"
 */
export function linearRecurrence(a: Value, b: Value, reach: number = recurrencePositions): Value {
  if (reach <= 1) return b;
  let [factor, sum] = [a, b];
  for (let count = 1; count < reach; count *= 2) {
    sum = add(sum, mul(factor, before(sum, count)));
    if (2 * count < reach) factor = mul(factor, earlier(factor, count));
  }
  return withGradient(sum, {
    inputs: [a, b],
    back: (gradient) => {
      const g = turned(linearRecurrence(earlier(turned(a), 1), turned(gradient), reach));
      return [() => mul(g, before(sum, 1)), () => g];
    },
  });
}

/** [rows, positions, width] at places of each row, int32 [rows, count]: [rows, count, width]. */
export function atPlaces(x: Value, at: Value): Value {
  const [rows = 1, positions = 1, width = 1] = x.shape;
  const start = mul(unsqueeze(places(x, 0), [1]), sizeAlong(x, 1));
  return gather(reshape(x, [multiplyDimensions(rows, positions), width]), add(start, at), 0);
}

/** [rows, positions, width] at the positions that the batch carries: [rows, queries, width]. */
export const atQueries = (x: Value, { queryPositions, handed }: AttentionBatch): Value =>
  handed?.start ? x : atPlaces(x, maximum(queryPositions, int32(0)));

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
