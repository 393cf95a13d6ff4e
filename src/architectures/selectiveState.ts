// Mamba's state: for each channel of the inner stream a few numbers that decay by the step and take in the channel's entry,
//
//     h_t = exp(step_t rate) h_(t-1) + step_t x_t input_t,    y_t = h_t · output_t
//
// On a processor a loop over positions is the least work, and keeps what it works on small. On a GPU, and where the graph is
// differentiated, all positions are computed at once.

import { matMul } from '../onnx/contraction.ts';
import { multiplyDimensions } from '../onnx/dimension.ts';
import { scan } from '../onnx/dynamic.ts';
import { add, exp, mul } from '../onnx/elementwise.ts';
import { zerosLike } from '../onnx/fill.ts';
import { gather, reshape, squeeze, transpose, unsqueeze } from '../onnx/layout.ts';
import { reduceSum } from '../onnx/reduction.ts';
import { int32, ShapeError, type Value } from '../onnx/value.ts';
import type { BlockScope } from './architecture.ts';
import { carriedState } from './carriedState.ts';
import { atQueries, linearRecurrence } from './recurrence.ts';

export interface Selective {
  /** [rows, positions, channels] */
  readonly step: Value;
  readonly x: Value;
  /** [rows, positions, stateSize] */
  readonly input: Value;
  readonly output: Value;
  /** [channels, stateSize], below 0 */
  readonly rate: Value;
}

/** Decays and states of all positions at once: [rows, positions, channels, stateSize] */
function allStates({ step, x, input, rate }: Selective, reach: number | undefined) {
  const decay = exp(mul(unsqueeze(step, [3]), rate));
  const added = mul(unsqueeze(mul(step, x), [3]), unsqueeze(input, [2]));
  return { decay, states: linearRecurrence(decay, added, reach) };
}

const readStates = (states: Value, output: Value): Value =>
  reduceSum(mul(states, unsqueeze(output, [2])), { axes: [3], keepDimensions: false });

/** As `selectiveOutput`, by way of the states at these positions, which may be read and edited. */
function throughStates(scope: BlockScope, selective: Selective): Value {
  const { batch } = scope;
  const { decay, states } = allStates(selective, batch.reach);
  const [channels = 1, size = 1] = selective.rate.shape;
  const [rows = 1, positions = 1] = states.shape;
  const [, queries = 1] = batch.queryPositions.shape;
  const flat = (x: Value) =>
    atQueries(reshape(x, [rows, positions, multiplyDimensions(channels, size)]), batch);
  const decays = flat(decay);
  const carried = carriedState(scope, flat(states), (change) =>
    linearRecurrence(decays, change, batch.reach),
  );
  return readStates(reshape(carried, [rows, queries, channels, size]), atQueries(selective.output, batch));
}

/** y at the positions that the batch carries: [rows, queries, channels] */
export function selectiveOutput(scope: BlockScope, selective: Selective): Value {
  const { batch, dynamic } = scope;
  if (scope.isTouched('ssm_state')) return throughStates(scope, selective);
  if (dynamic) return atQueries(loopOverPositions(selective), batch);
  return atQueries(readStates(allStates(selective, batch.reach).states, selective.output), batch);
}

/** y of all positions, one after another: [rows, positions, channels] */
function loopOverPositions({ step, x, input, output, rate }: Selective): Value {
  // Channels last: what is broadcast is then long runs of numbers.
  const rates = transpose(rate, [1, 0]);
  const first = gather(step, int32(Int32Array.of(0), [1]), 1); // [rows, 1, channels]
  const [y] = scan({
    initial: [zerosLike(add(first, rates)), rates],
    sequences: [step, mul(step, x), input, output],
    axis: 1,
    step: ([h, own], [stepNow, taken, inputNow, outputNow]) => {
      if (!h || !own || !stepNow || !taken || !inputNow || !outputNow)
        throw new ShapeError('Scan: a step of the recurrence is not given what it needs');
      const decay = exp(mul(unsqueeze(stepNow, [1]), own)); // [rows, stateSize, channels]
      const next = add(mul(decay, h), mul(unsqueeze(taken, [1]), unsqueeze(inputNow, [2])));
      return { states: [next, own], outputs: [squeeze(matMul(unsqueeze(outputNow, [1]), next), [1])] };
    },
  });
  if (!y) throw new ShapeError('Scan: the recurrence puts nothing out');
  return y;
}
