// Boundless distributed alignment search: how many rotated directions are interchanged is learned too.

import { div, maximum, minimum, mul, sigmoid, sub } from '../../onnx/elementwise.ts';
import { constant } from '../../onnx/value.ts';
import { filled, type InterventionType } from '../intervention.ts';
import { mixRotated } from './mixed.ts';
import { randomOrthonormal } from './orthonormal.ts';

/**
 *     m_i = sigmoid(i / T) * sigmoid((b * width - i) / T),    b = clamp(boundary, 0.001, 1),    i = 0 .. width - 1
 *     out = ((1 - m) base W + m source W) Wᵀ
 *
 * Parameters: `rotation` W [width, width], orthogonal; `boundary` [1], initially 0.5; `temperature` T [1], initially 50.
 *
 * @see Wu et al. 2023, "Interpretability at Scale: Identifying Causal Mechanisms in Alpaca", section 3
 */
export const boundlessRotated: InterventionType = {
  name: 'BoundlessRotatedSpaceIntervention',
  source: 'run',
  units: 'joined',
  isTrainable: true,
  orthonormal: ['rotation'],
  initial: ({ width, seed }) => ({
    rotation: { data: randomOrthonormal(width, width, seed), shape: [width, width] },
    boundary: filled(0.5, 1),
    temperature: filled(50, 1),
  }),
  shapes: { rotation: ['width', 'width'], boundary: [1], temperature: [1] },
  build: ({ base, source, parameter }) => {
    const rotation = parameter('rotation');
    const width = Number(rotation.shape[0]);
    const places = constant(
      Float32Array.from({ length: width }, (_, i) => i),
      [width],
    );
    const temperature = parameter('temperature');
    const boundary = maximum(minimum(parameter('boundary'), constant(1)), constant(1e-3));
    const left = sigmoid(div(places, temperature));
    const right = sigmoid(div(sub(mul(boundary, constant(width)), places), temperature));
    return mixRotated(base, source, rotation, mul(left, right));
  },
};
