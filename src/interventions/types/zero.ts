// Zero ablation.

import { mul } from '../../onnx/elementwise.ts';
import { constant } from '../../onnx/value.ts';
import { type InterventionType, noParameters, sameWidth } from '../intervention.ts';

/**
 *     out = 0                           (in chosen entries)
 */
export const zero: InterventionType = {
  name: 'ZeroIntervention',
  source: 'none',
  units: 'separate',
  isTrainable: false,
  subspaceWidth: sameWidth,
  initial: noParameters,
  shapes: () => ({}),
  build: ({ base, swap }) => swap(base, mul(base, constant(0))),
};
