// Adds what another run, or a vector, has at the site.

import { add } from '../../onnx/elementwise.ts';
import { type InterventionType, noParameters, sameWidth } from '../intervention.ts';

/**
 * Activation addition, for one.
 *
 *     out = base + source               (in chosen entries)
 *
 * @see Turner et al. 2023, "Activation Addition: Steering Language Models Without Optimization"
 */
export const addition: InterventionType = {
  name: 'AdditionIntervention',
  source: 'run',
  units: 'separate',
  isTrainable: false,
  subspaceWidth: sameWidth,
  initial: noParameters,
  shapes: {},
  build: ({ base, source, swap }) => swap(base, add(base, source)),
};
