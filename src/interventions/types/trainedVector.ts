// A vector that is added wherever it acts: what steering adds, found by training.

import { add } from '../../onnx/elementwise.ts';
import { filled, type InterventionType } from '../intervention.ts';

/**
 *     out = base + vector
 *
 * Parameters: `vector` [width], initially 0. Neither pyvene nor pyreft has a class that trains one; trained, it is an
 * AdditionIntervention with a constant source.
 */
export const trainedVector: InterventionType = {
  name: 'TrainedVectorIntervention',
  source: 'none',
  units: 'separate',
  isTrainable: true,
  initial: ({ width }) => ({ vector: filled(0, width) }),
  shapes: { vector: ['width'] },
  build: ({ base, parameter }) => add(base, parameter('vector')),
};
