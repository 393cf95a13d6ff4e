// Mamba's state: for each channel of the inner stream a few numbers that decay by the step and take in the channel's entry,
//
//     h_t = exp(step_t rate) h_(t-1) + step_t x_t input_t,    y_t = h_t · output_t
//
// On a processor a loop over positions is the least work, and keeps what it works on small. On a GPU, and where the graph is
// differentiated, all positions are computed at once.

import { matMul } from '../onnx/contraction.ts';
import { multiplyDimensions } from '../onnx/dimension.ts';
import { scan } from '../onnx/dynamic.ts';
import { add, cast, exp, less, mul } from '../onnx/elementwise.ts';
import { places, zerosLike } from '../onnx/fill.ts';
import { gather, identity, reshape, squeeze, transpose, unsqueeze } from '../onnx/layout.ts';
import { reduceSum } from '../onnx/reduction.ts';
import { int32, ShapeError, type Value } from '../onnx/value.ts';
import type { AttentionBatch, BlockScope } from './architecture.ts';
import { carriedState } from './carriedState.ts';
import { atPlaces, atQueries, linearRecurrence } from './recurrence.ts';

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
function allStates({ step, x, input, rate }: Selective, { reach, handed }: AttentionBatch) {
  const decay = exp(mul(unsqueeze(step, [3]), rate));
  const taken = mul(unsqueeze(mul(step, x), [3]), unsqueeze(input, [2]));
  const [channels = 1, size = 1] = rate.shape;
  const [rows = 1] = taken.shape;
  const follow = (before: Value): Value => {
    const isFirst = cast(less(places(step, 1), int32(1)), 'float32');
    const begun = mul(unsqueeze(reshape(before, [rows, channels, size]), [1]), unsqueeze(isFirst, [1, 2]));
    return add(taken, mul(decay, begun));
  };
  const states = linearRecurrence(decay, handed?.start ? follow(handed.start.state) : taken, reach);
  if (handed?.kept) handed.kept.takeStates(joined(chosenStates(states, handed.kept.places)));
  return { decay, states };
}

/** [rows, positions, ...] at places of each row: [rows * places, ...] */
function chosenStates(states: Value, at: Value): Value {
  const [rows = 1, positions = 1, ...each] = states.shape;
  const [, count = 1] = at.shape;
  const chosen = atPlaces(reshape(states, [rows, positions, multiplyDimensions(...each)]), at);
  return reshape(chosen, [multiplyDimensions(rows, count), ...each]);
}

/** [states, ...] with a vector for each */
const joined = (states: Value): Value => {
  const [count = 1, ...each] = states.shape;
  return reshape(states, [count, multiplyDimensions(...each)]);
};

const readStates = (states: Value, output: Value): Value =>
  reduceSum(mul(states, unsqueeze(output, [2])), { axes: [3], keepDimensions: false });

/** As `selectiveOutput`, by way of the states at these positions, which may be read and edited. */
function throughStates(scope: BlockScope, selective: Selective): Value {
  const { batch } = scope;
  const { decay, states } = allStates(selective, batch);
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
  if (dynamic) return atQueries(loopOverPositions(selective, batch), batch);
  return atQueries(readStates(allStates(selective, batch).states, selective.output), batch);
}

/** y of all positions, one after another: [rows, positions, channels] */
function loopOverPositions({ step, x, input, output, rate }: Selective, { handed }: AttentionBatch): Value {
  // Channels last: what is broadcast is then long runs of numbers.
  const rates = transpose(rate, [1, 0]);
  const first = gather(step, int32(Int32Array.of(0), [1]), 1); // [rows, 1, channels]
  const [rows = 1] = step.shape;
  const [channels = 1, size = 1] = rate.shape;
  const begun = handed?.start && transpose(reshape(handed.start.state, [rows, channels, size]), [0, 2, 1]);
  const [y, states] = scan({
    initial: [begun ?? zerosLike(add(first, rates)), rates],
    sequences: [step, mul(step, x), input, output],
    axis: 1,
    step: ([h, own], [stepNow, taken, inputNow, outputNow]) => {
      if (!h || !own || !stepNow || !taken || !inputNow || !outputNow)
        throw new ShapeError('Scan: a step of the recurrence is not given what it needs');
      const decay = exp(mul(unsqueeze(stepNow, [1]), own)); // [rows, stateSize, channels]
      const next = add(mul(decay, h), mul(unsqueeze(taken, [1]), unsqueeze(inputNow, [2])));
      const put = squeeze(matMul(unsqueeze(outputNow, [1]), next), [1]);
      return { states: [next, own], outputs: handed?.kept ? [put, identity(next)] : [put] };
    },
  });
  if (!y) throw new ShapeError('Scan: the recurrence puts nothing out');
  if (states && handed?.kept)
    handed.kept.takeStates(joined(transpose(chosenStates(states, handed.kept.places), [0, 2, 1])));
  return y;
}
