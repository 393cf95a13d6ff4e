// Low-rank representation finetuning.

import { matMul } from '../../onnx/contraction.ts';
import { add, sub } from '../../onnx/elementwise.ts';
import { transpose } from '../../onnx/layout.ts';
import type { InterventionType } from '../intervention.ts';
import { linearUniform } from './linearUniform.ts';
import { randomOrthonormal } from './orthonormal.ts';

/**
 *     out = base + (base Wᵀ + b - base R) Rᵀ
 *
 * Parameters: `rotation` R [width, rank], orthonormal columns; `weight` W [rank, width] and `bias` b [rank], initially
 * uniform within 1 / sqrt(width).
 *
 * @see Wu et al. 2024, "ReFT: Representation Finetuning for Language Models", equation 2
 */
export const loreft: InterventionType = {
  name: 'LoreftIntervention',
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
    const rotation = parameter('rotation');
    const learned = add(matMul(base, transpose(parameter('weight'), [1, 0])), parameter('bias'));
    return add(base, matMul(sub(learned, matMul(base, rotation)), transpose(rotation, [1, 0])));
  },
};
