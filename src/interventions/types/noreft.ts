// Low-rank representation finetuning without orthonormal columns.

import { matMul } from '../../onnx/contraction.ts';
import { add, sub } from '../../onnx/elementwise.ts';
import { transpose } from '../../onnx/layout.ts';
import type { InterventionType } from '../intervention.ts';
import { linearUniform } from './linearUniform.ts';

/**
 *     out = base + (base W1ᵀ + b - base W2ᵀ) W2
 *
 * Parameters: `projection` W2 and `weight` W1 [rank, width], `bias` b [rank], initially uniform within 1 / sqrt(width).
 *
 * @see Wu et al. 2024, "ReFT: Representation Finetuning for Language Models", appendix on ablations (NoReFT)
 */
export const noreft: InterventionType = {
  name: 'NoreftIntervention',
  source: 'none',
  units: 'separate',
  isTrainable: true,
  needs: ['lowRankDimension'],
  initial: ({ width, lowRankDimension: rank = 1, seed }) => ({
    projection: linearUniform(width, seed, rank, width),
    weight: linearUniform(width, seed + 1, rank, width),
    bias: linearUniform(width, seed + 2, rank),
  }),
  shapes: { projection: ['rank', 'width'], weight: ['rank', 'width'], bias: ['rank'] },
  build: ({ base, parameter }) => {
    const projection = parameter('projection');
    const learned = add(matMul(base, transpose(parameter('weight'), [1, 0])), parameter('bias'));
    const apart = sub(learned, matMul(base, transpose(projection, [1, 0])));
    return add(base, matMul(apart, projection));
  },
};
