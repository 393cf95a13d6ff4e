// Adds normally distributed noise, the same that pyvene and ROME draw.

import { add } from '../../onnx/elementwise.ts';
import { gaussianNoise } from '../../random/noise.ts';
import { type InterventionType, noParameters, sameWidth } from '../intervention.ts';

/** Three standard deviations of GPT-2 XL's embeddings, in ROME's figures. */
const romeLevel = 0.13462981581687927;
const seed = 1;

/**
 * Positions are counted in the order of the location, and heads share them: over four positions these are pyvene's own
 * numbers, and any other number of positions works too.
 *
 *     out = base + RandomState(1).randn(positions, width) * 0.13462981581687927
 *
 * @see Meng et al. 2022, "Locating and Editing Factual Associations in GPT"
 */
export const noiseAddition: InterventionType = {
  name: 'NoiseIntervention',
  source: 'made',
  units: 'separate',
  isTrainable: false,
  subspaceWidth: sameWidth,
  initial: noParameters,
  shapes: {},
  build: ({ base, source, swap }) => swap(base, add(base, source)),
  make: (positions, width) => gaussianNoise(seed, positions * width, romeLevel),
};
