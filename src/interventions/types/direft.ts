// Representation finetuning that adds: what is learned is not measured from what stands in the subspace.

import { matMul } from '../../onnx/contraction.ts';
import { add } from '../../onnx/elementwise.ts';
import { transpose } from '../../onnx/layout.ts';
import type { InterventionType } from '../intervention.ts';
import { linearUniform } from './linearUniform.ts';
import { randomOrthonormal } from './orthonormal.ts';

/**
 *     out = base + (base Wᵀ + b) Rᵀ
 *
 * Parameters: `rotation` R [width, rank], orthonormal columns; `weight` W [rank, width] and `bias` b [rank], initially
 * uniform within 1 / sqrt(width).
 *
 * @see Wu et al. 2024, "ReFT: Representation Finetuning for Language Models", equation 3
 */
export const direft: InterventionType = {
  name: 'DireftIntervention',
  source: 'none',
  units: 'separate',
  isTrainable: true,
  orthonormal: ['rotation'],
  needs: ['lowRankDimension'],
  initial: ({ width, lowRankDimension: rank = 1, seed }) => ({
    rotation: { data: randomOrthonormal(width, rank, seed), shape: [width, rank] },
    weight: linearUniform(width, seed + 1, rank, width),
    bias: linearUniform(width, seed + 2, rank),
  }),
  shapes: { rotation: ['width', 'rank'], weight: ['rank', 'width'], bias: ['rank'] },
  build: ({ base, parameter }) => {
    const learned = add(matMul(base, transpose(parameter('weight'), [1, 0])), parameter('bias'));
    return add(base, matMul(learned, transpose(parameter('rotation'), [1, 0])));
  },
};
