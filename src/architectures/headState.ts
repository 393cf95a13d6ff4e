// Mamba 2's state, for whoever looks at it: a matrix [headWidth, stateSize] for each head, which decays by one factor for the
// whole head and takes in the outer product of the head's entries and the group's input. Where nobody does, what comes
// out of it is computed without it (families/mamba2.ts).

import { matMul } from '../onnx/contraction.ts';
import { multiplyDimensions } from '../onnx/dimension.ts';
import { add, and, exp, greaterOrEqual, lessOrEqual, mul, sub, where } from '../onnx/elementwise.ts';
import { places } from '../onnx/fill.ts';
import { gather, reshape, transpose, unsqueeze } from '../onnx/layout.ts';
import { reduceSum } from '../onnx/reduction.ts';
import { constant, int32, type Value } from '../onnx/value.ts';
import type { BlockScope } from './architecture.ts';
import { carriedState } from './carriedState.ts';
import { atPlaces, owners } from './recurrence.ts';

/**
 * exp of the exponents from some positions to later ones, 0 where the first is later. Masked before the exponential: between
 * a position and a later one it would overflow.
 */
export const decayTo = (to: Value, from: Value, isPast: Value): Value =>
  where(isPast, exp(where(isPast, sub(to, from), constant(0))), constant(0));

/** bool [positions, positions]: the second is not after the first. @param x [rows, positions, ...] */
export function visibleInRow(x: Value): Value {
  const place = places(x, 1);
  return lessOrEqual(unsqueeze(place, [0]), unsqueeze(place, [1]));
}

/**
 * What states put out at the positions of their rows, without the decay until there: [rows, heads, positions, headWidth]
 * @param states [rows, heads, headWidth, stateSize]
 * @param output [rows, positions, groups, stateSize]
 */
export function readStates(states: Value, output: Value): Value {
  const [, heads = 1] = states.shape;
  const [, , groups = 1] = output.shape;
  const byHead = gather(transpose(output, [0, 2, 1, 3]), owners(Number(heads), Number(groups)), 1);
  return matMul(byHead, transpose(states, [0, 1, 3, 2]));
}

/** What makes states of positions. */
interface Taken {
  /** [rows, heads, positions, headWidth] */
  readonly entries: Value;
  /** [rows, positions, groups, stateSize] */
  readonly input: Value;
  /** States with which the rows begin: [rows, heads, headWidth, stateSize] */
  readonly begun: Value | undefined;
}

/**
 * The states behind some places of each row: [rows * places, heads * headWidth * stateSize]
 * @param at    int32 [rows, places]
 * @param sum   running sum of the exponents of the decay: [rows, positions, heads]
 * @param steps [rows, heads, 1, positions]
 */
export function headStatesBehind(
  at: Value,
  { sum, steps, entries, input, begun }: Taken & { readonly sum: Value; readonly steps: Value },
): Value {
  const [rows = 1, heads = 1, , headWidth = 1] = entries.shape;
  const [, , groups = 1, stateSize = 1] = input.shape;
  const [, count = 1] = at.shape;
  const isPast = lessOrEqual(unsqueeze(places(sum, 1), [0, 1, 2]), unsqueeze(at, [1, 3]));
  const to = unsqueeze(transpose(atPlaces(sum, at), [0, 2, 1]), [3]);
  const shares = mul(decayTo(to, unsqueeze(transpose(sum, [0, 2, 1]), [2]), isPast), steps);
  // [rows, heads, places, headWidth, positions]: few places, so less than the outer products of all positions.
  const weighted = mul(unsqueeze(shares, [3]), unsqueeze(transpose(entries, [0, 1, 3, 2]), [2]));
  const inputs = gather(transpose(input, [0, 2, 1, 3]), owners(Number(heads), Number(groups)), 1);
  const each = multiplyDimensions(headWidth, stateSize);
  const made = reshape(matMul(weighted, unsqueeze(inputs, [2])), [rows, heads, count, each]);
  const all = begun ? add(made, mul(exp(to), reshape(begun, [rows, heads, 1, each]))) : made;
  return reshape(transpose(all, [0, 2, 1, 3]), [
    multiplyDimensions(rows, count),
    multiplyDimensions(heads, each),
  ]);
}

export interface HeadStates extends Taken {
  /** What a position puts into the state of a later one: [rows, heads, queries, positions] */
  readonly shares: Value;
  /** [rows, queries, groups, stateSize] */
  readonly output: Value;
  /** Running sum of the exponents of the decay: [rows, queries, heads] */
  readonly sum: Value;
}

/** exp of the exponents between two positions that a batch carries, 0 where the first is later: [rows, heads, queries, queries] */
function decayBetween({ batch: { queryPositions } }: BlockScope, sum: Value): Value {
  const byHead = transpose(sum, [0, 2, 1]);
  const from = unsqueeze(queryPositions, [1, 2]);
  // Padding stands at position -1.
  const isPast = and(greaterOrEqual(from, int32(0)), lessOrEqual(from, unsqueeze(queryPositions, [1, 3])));
  return decayTo(unsqueeze(byHead, [3]), unsqueeze(byHead, [2]), isPast);
}

/** @returns what the states put out, [rows, queries, heads * headWidth] */
export function readHeadStates(
  scope: BlockScope,
  { shares, entries, input, output, sum, begun }: HeadStates,
): Value {
  const [rows = 1, heads = 1, positions = 1, headWidth = 1] = entries.shape;
  const [, queries = 1, groups = 1, stateSize = 1] = output.shape;
  const group = owners(Number(heads), Number(groups));
  const each = multiplyDimensions(headWidth, stateSize);
  // [rows, heads, positions, headWidth, stateSize]
  const taken = mul(
    unsqueeze(entries, [4]),
    unsqueeze(gather(transpose(input, [0, 2, 1, 3]), group, 1), [3]),
  );
  const made = matMul(shares, reshape(taken, [rows, heads, positions, each]));
  const toQuery = unsqueeze(transpose(sum, [0, 2, 1]), [3]);
  const byHead = begun ? add(made, mul(exp(toQuery), reshape(begun, [rows, heads, 1, each]))) : made;
  const side = (x: Value) =>
    reshape(transpose(x, [0, 2, 1, 3]), [rows, queries, multiplyDimensions(heads, each)]);
  const apart = (x: Value) => transpose(reshape(x, [rows, queries, heads, each]), [0, 2, 1, 3]);
  const states = carriedState(scope, side(byHead), (change) =>
    side(matMul(decayBetween(scope, sum), apart(change))),
  );
  const read = mul(
    reshape(states, [rows, queries, heads, headWidth, stateSize]),
    unsqueeze(gather(output, group, 2), [3]),
  );
  const put = reduceSum(read, { axes: [4], keepDimensions: false });
  return reshape(put, [rows, queries, multiplyDimensions(heads, headWidth)]);
}
