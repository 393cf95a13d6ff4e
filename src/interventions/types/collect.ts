// Reads what passes the site and changes nothing.

import { type InterventionType, noParameters, sameWidth } from '../intervention.ts';

/**
 *     out = base; collected = base      (chosen entries only)
 */
export const collect: InterventionType = {
  name: 'CollectIntervention',
  source: 'none',
  units: 'separate',
  isTrainable: false,
  isCollect: true,
  subspaceWidth: sameWidth,
  initial: noParameters,
  shapes: {},
  build: ({ base }) => base,
};
