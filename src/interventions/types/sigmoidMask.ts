// Interchange by a learned mask over the entries as they are.

import { div, sigmoid } from '../../onnx/elementwise.ts';
import { filled, type InterventionType } from '../intervention.ts';
import { mix } from './mixed.ts';

/**
 *     m = sigmoid(mask / T);    out = (1 - m) base + m source
 *
 * Parameters: `mask` [width], initially 0; `temperature` T [1], initially 0.01.
 *
 * @see De Cao et al. 2022, "Sparse Interventions in Language Models with Differentiable Masking"
 */
export const sigmoidMask: InterventionType = {
  name: 'SigmoidMaskIntervention',
  source: 'run',
  units: 'separate',
  isTrainable: true,
  initial: ({ width }) => ({ mask: filled(0, width), temperature: filled(0.01, 1) }),
  shapes: { mask: ['width'], temperature: [1] },
  build: ({ base, source, parameter }) =>
    mix(base, source, sigmoid(div(parameter('mask'), parameter('temperature')))),
};
