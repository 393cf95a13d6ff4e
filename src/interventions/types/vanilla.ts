// The interchange intervention.

import { type InterventionType, noParameters, sameWidth } from '../intervention.ts';

/**
 * Put what another run has at the site in place of what is there.
 *
 *     out = source                      (in chosen entries; base in the others)
 *
 * @see Geiger et al. 2021, "Causal Abstractions of Neural Networks"
 */
export const vanilla: InterventionType = {
  name: 'VanillaIntervention',
  source: 'run',
  units: 'separate',
  isTrainable: false,
  subspaceWidth: sameWidth,
  initial: noParameters,
  shapes: {},
  build: ({ base, source, swap }) => swap(base, source),
};
