// Mamba's state: for each channel of the inner stream a few numbers that decay by the step and take in the channel's entry,
//
//     h_t = exp(step_t rate) h_(t-1) + step_t x_t input_t,    y_t = h_t · output_t
//
// On a processor a loop over positions is the least work, and keeps what it works on small. On a GPU, and where the graph is
// differentiated, all positions are computed at once.

import { matMul } from '../onnx/contraction.ts';
import { scan } from '../onnx/dynamic.ts';
import { add, exp, mul } from '../onnx/elementwise.ts';
import { zerosLike } from '../onnx/fill.ts';
import { gather, squeeze, transpose, unsqueeze } from '../onnx/layout.ts';
import { reduceSum } from '../onnx/reduction.ts';
import { int32, ShapeError, type Value } from '../onnx/value.ts';
import { linearRecurrence } from './recurrence.ts';

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

/** @param reach positions that no row has more than @returns y, [rows, positions, channels] */
export function scanPositions({ step, x, input, output, rate }: Selective, reach?: number): Value {
  // [rows, positions, channels, stateSize]
  const decay = exp(mul(unsqueeze(step, [3]), rate));
  const added = mul(unsqueeze(mul(step, x), [3]), unsqueeze(input, [2]));
  const state = linearRecurrence(decay, added, reach);
  return reduceSum(mul(state, unsqueeze(output, [2])), { axes: [3], keepDimensions: false });
}

/** As `scanPositions`, one position after another. */
export function loopOverPositions({ step, x, input, output, rate }: Selective): Value {
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
