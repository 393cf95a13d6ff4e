// Interchange in the space of principal components.

import { matMul } from '../../onnx/contraction.ts';
import { add, div, mul, sub } from '../../onnx/elementwise.ts';
import { transpose } from '../../onnx/layout.ts';
import type { Value } from '../../onnx/value.ts';
import { InterventionError, type InterventionType, sizeIn } from '../intervention.ts';

/**
 * What the components do not span is lost, in pyvene and here.
 *
 *     z(x) = ((x - mean) / std) Cᵀ;    out = swap(z(base), z(source)) C * std + mean
 *
 * Parameters: `components` C [count, width], `mean` [width], `std` [width].
 */
export const pcaRotated: InterventionType = {
  name: 'PCARotatedSpaceIntervention',
  source: 'run',
  units: 'joined',
  isTrainable: false,
  subspaceWidth: (_, parameters) => sizeIn(parameters, 'components', 0),
  initial: () => {
    throw new InterventionError(
      "A PCARotatedSpaceIntervention has no parameters to start from: give its 'components', 'mean' and 'std'.",
    );
  },
  shapes: { components: ['count', 'width'], mean: ['width'], std: ['width'] },
  build: ({ base, source, parameter, swap }) => {
    const components = parameter('components');
    const into = (x: Value) =>
      matMul(div(sub(x, parameter('mean')), parameter('std')), transpose(components, [1, 0]));
    const back = matMul(swap(into(base), into(source)), components);
    return add(mul(back, parameter('std')), parameter('mean'));
  },
};
