// Mamba 2's state, for whoever looks at it: a matrix [headWidth, stateSize] for each head, which decays by one factor for the
// whole head and takes in the outer product of the head's entries and the group's input. Where nobody does, what comes
// out of it is computed without it (families/mamba2.ts).

import { matMul } from '../onnx/contraction.ts';
import { multiplyDimensions } from '../onnx/dimension.ts';
import { and, exp, greaterOrEqual, lessOrEqual, mul, sub, where } from '../onnx/elementwise.ts';
import { gather, reshape, transpose, unsqueeze } from '../onnx/layout.ts';
import { reduceSum } from '../onnx/reduction.ts';
import { constant, int32, type Value } from '../onnx/value.ts';
import type { BlockScope } from './architecture.ts';
import { carriedState } from './carriedState.ts';
import { owners } from './recurrence.ts';

export interface HeadStates {
  /** What a position puts into the state of a later one: [rows, heads, queries, positions] */
  readonly shares: Value;
  /** [rows, heads, positions, headWidth] */
  readonly entries: Value;
  /** [rows, positions, groups, stateSize] */
  readonly input: Value;
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
  const exponent = sub(unsqueeze(byHead, [3]), unsqueeze(byHead, [2]));
  return where(isPast, exp(where(isPast, exponent, constant(0))), constant(0));
}

/** @returns what the states put out, [rows, queries, heads * headWidth] */
export function readHeadStates(
  scope: BlockScope,
  { shares, entries, input, output, sum }: HeadStates,
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
  const byHead = matMul(shares, reshape(taken, [rows, heads, positions, each]));
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
