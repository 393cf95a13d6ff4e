// A low-rank adapter beside a module: it reads what the module reads and adds to what the module returns.

import { matMul } from '../../onnx/contraction.ts';
import { add, mul } from '../../onnx/elementwise.ts';
import { standardUniform } from '../../random/noise.ts';
import { filled, type InterventionType } from '../intervention.ts';

/**
 *     out = base + (x A B) * scaling        x: the input of the module whose output the site is
 *
 * Parameters: `lora_A` A [input width, rank], uniform within 1 / sqrt(rank) as PyTorch's `kaiming_uniform_` draws it;
 * `lora_B` B [rank, width], initially 0; `scaling` [1], alpha over rank, initially 1.
 *
 * @see Hu et al. 2022, "LoRA: Low-Rank Adaptation of Large Language Models", section 4.1
 */
export const lora: InterventionType = {
  name: 'LoRAIntervention',
  source: 'input',
  units: 'separate',
  isTrainable: true,
  needs: ['lowRankDimension'],
  initial: ({ width, inputWidth = width, lowRankDimension: rank = 1, seed }) => ({
    lora_A: {
      data: Float32Array.from(standardUniform(seed, inputWidth * rank), (x) => (2 * x - 1) / Math.sqrt(rank)),
      shape: [inputWidth, rank],
    },
    lora_B: filled(0, rank, width),
    scaling: filled(1, 1),
  }),
  shapes: { lora_A: ['input width', 'rank'], lora_B: ['rank', 'width'], scaling: [1] },
  build: ({ base, source, parameter }) =>
    add(base, mul(matMul(matMul(source, parameter('lora_A')), parameter('lora_B')), parameter('scaling'))),
};
