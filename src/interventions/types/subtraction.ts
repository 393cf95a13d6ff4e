// Takes away what another run, or a vector, has at the site.

import { sub } from '../../onnx/elementwise.ts';
import { type InterventionType, noParameters, sameWidth } from '../intervention.ts';

/**
 *     out = base - source               (in chosen entries)
 */
export const subtraction: InterventionType = {
  name: 'SubtractionIntervention',
  source: 'run',
  units: 'separate',
  isTrainable: false,
  subspaceWidth: sameWidth,
  initial: noParameters,
  shapes: {},
  build: ({ base, source, swap }) => swap(base, sub(base, source)),
};
