// Interchange in a rotated basis: distributed alignment search with a full rotation.

import { matMul } from '../../onnx/contraction.ts';
import { transpose } from '../../onnx/layout.ts';
import { type InterventionType, sameWidth } from '../intervention.ts';
import { randomOrthonormal } from './orthonormal.ts';

/**
 *     out = swap(base W, source W) Wᵀ      (chosen entries are directions of the rotated space)
 *
 * Parameters: `rotation` W [width, width], orthogonal.
 *
 * @see Geiger et al. 2024, "Finding Alignments Between Interpretable Causal Variables and Distributed Neural
 * Representations", section 3
 */
export const rotated: InterventionType = {
  name: 'RotatedSpaceIntervention',
  source: 'run',
  units: 'joined',
  isTrainable: true,
  orthonormal: ['rotation'],
  subspaceWidth: sameWidth,
  initial: ({ width, seed }) => ({
    rotation: { data: randomOrthonormal(width, width, seed), shape: [width, width] },
  }),
  shapes: { rotation: ['width', 'width'] },
  build: ({ base, source, parameter, swap }) => {
    const rotation = parameter('rotation');
    const mixed = swap(matMul(base, rotation), matMul(source, rotation));
    return matMul(mixed, transpose(rotation, [1, 0]));
  },
};
