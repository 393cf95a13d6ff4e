// Whether the numbers of a training are numbers still.

import type { ParameterMeasures } from '../runtime/training/stepGraph.ts';

/** Off from length 1, squared: no rounding comes so far. */
const widestOff = 1e-3;

/** Whether parameters are numbers, and the columns of the rotation as long as they should be. */
export const areSound = (measures: Readonly<Record<string, ParameterMeasures>>): boolean =>
  Object.values(measures).every(
    ({ sum, squares: { least, most } = { least: 1, most: 1 } }) =>
      Number.isFinite(sum) && Math.abs(least - 1) < widestOff && Math.abs(most - 1) < widestOff,
  );
