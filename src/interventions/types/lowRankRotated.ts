// Interchange in a subspace: distributed alignment search with a few directions.

import { matMul } from '../../onnx/contraction.ts';
import { add, sub } from '../../onnx/elementwise.ts';
import { transpose } from '../../onnx/layout.ts';
import { type InterventionType, sizeIn, zerosLike } from '../intervention.ts';
import { randomOrthonormal } from './orthonormal.ts';

/**
 *     out = base + (source W - base W) Wᵀ      (chosen columns of W only)
 *
 * Parameters: `rotation` W [width, rank], orthonormal columns.
 *
 * @see Geiger et al. 2024, "Finding Alignments Between Interpretable Causal Variables and Distributed Neural
 * Representations", section 3
 */
export const lowRankRotated: InterventionType = {
  name: 'LowRankRotatedSpaceIntervention',
  source: 'run',
  units: 'joined',
  isTrainable: true,
  orthonormal: ['rotation'],
  needs: ['lowRankDimension'],
  subspaceWidth: (_, parameters) => sizeIn(parameters, 'rotation', 1),
  initial: ({ width, lowRankDimension = 1, seed }) => ({
    rotation: { data: randomOrthonormal(width, lowRankDimension, seed), shape: [width, lowRankDimension] },
  }),
  shapes: { rotation: ['width', 'rank'] },
  build: ({ base, source, parameter, swap }) => {
    const rotation = parameter('rotation');
    const apart = sub(matMul(source, rotation), matMul(base, rotation));
    const moved = swap(zerosLike(apart), apart);
    return add(base, matMul(moved, transpose(rotation, [1, 0])));
  },
};
