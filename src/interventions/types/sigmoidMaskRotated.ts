// Interchange by a learned mask over the directions of a rotated basis.

import { div, sigmoid } from '../../onnx/elementwise.ts';
import { filled, type InterventionType } from '../intervention.ts';
import { mixRotated } from './mixed.ts';
import { randomOrthonormal } from './orthonormal.ts';

/**
 *     m = sigmoid(mask / T);    out = ((1 - m) base W + m source W) Wᵀ
 *
 * Parameters: `rotation` W [width, width], orthogonal; `mask` [width], initially 100; `temperature` T [1], initially 50.
 */
export const sigmoidMaskRotated: InterventionType = {
  name: 'SigmoidMaskRotatedSpaceIntervention',
  source: 'run',
  units: 'joined',
  isTrainable: true,
  orthonormal: ['rotation'],
  initial: ({ width, seed }) => ({
    rotation: { data: randomOrthonormal(width, width, seed), shape: [width, width] },
    mask: filled(100, width),
    temperature: filled(50, 1),
  }),
  shapes: { rotation: ['width', 'width'], mask: ['width'], temperature: [1] },
  build: ({ base, source, parameter }) =>
    mixRotated(
      base,
      source,
      parameter('rotation'),
      sigmoid(div(parameter('mask'), parameter('temperature'))),
    ),
};
