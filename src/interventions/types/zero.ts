// Zero ablation.

import { type InterventionType, noParameters, sameWidth, zerosLike } from '../intervention.ts';

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
  shapes: {},
  build: ({ base, swap }) => swap(base, zerosLike(base)),
};
