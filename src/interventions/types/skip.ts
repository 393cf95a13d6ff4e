// Leaves a module out: what enters it in the source run stands for what it returns.

import { type InterventionType, noParameters, sameWidth } from '../intervention.ts';

/**
 * With the base as its own source, the module is removed.
 *
 *     out = input of the module in the source run      (in chosen entries)
 */
export const skip: InterventionType = {
  name: 'SkipIntervention',
  source: 'otherInput',
  units: 'separate',
  isTrainable: false,
  subspaceWidth: sameWidth,
  initial: noParameters,
  shapes: {},
  build: ({ base, source, swap }) => swap(base, source),
};
