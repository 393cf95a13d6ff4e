// Parameters from outside: tensors of other libraries are taken, and a rotation that is none is refused, because the
// formulas put back with Wᵀ what they took out with W and would quietly change everything else as well.

import { orthonormalGap, orthonormalized } from '../../autodiff/orthonormal.ts';
import { standardNormal } from '../../random/noise.ts';
import type { FragmentParameter } from '../../runtime/plan/plan.ts';
import { numbersOf, requireNames, shownValue } from '../arguments.ts';
import { InterventionError, type InterventionType, type Parameters } from '../intervention.ts';

/** A parameter as a caller may give it: `dims` is what ONNX Runtime and Transformers.js call the shape. */
export type GivenParameter = {
  readonly data: Float32Array | readonly number[];
} & ({ readonly shape: readonly number[] } | { readonly dims: readonly number[] });

export type GivenParameters = Readonly<Record<string, GivenParameter>>;

/** Rotations kept in bfloat16 are farther off than this; they are orthonormalised when that is asked for. */
const widestGap = 1e-3;
/** Above so many products the whole of Wᵀ W takes seconds; then it is tried on random vectors. */
const mostProducts = 2 ** 28;
const probes = 8;

/** The largest entry of |Wᵀ W v - v| over some random unit vectors v. */
function probedGap(data: Float32Array, rows: number, columns: number): number {
  let largest = 0;
  for (let probe = 0; probe < probes; probe++) {
    const v = standardNormal(probe, columns);
    const length = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
    const turned = new Float64Array(rows);
    const back = new Float64Array(columns);
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        turned[row] = (turned[row] ?? 0) + (data[row * columns + column] ?? 0) * (v[column] ?? 0);
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        back[column] = (back[column] ?? 0) + (data[row * columns + column] ?? 0) * (turned[row] ?? 0);
    for (let column = 0; column < columns; column++) {
      const gap = Math.abs((back[column] ?? 0) - (v[column] ?? 0)) / length;
      largest = Number.isNaN(gap) ? Number.POSITIVE_INFINITY : Math.max(largest, gap);
    }
  }
  return largest;
}

function rotationOf(given: FragmentParameter, isMended: boolean, what: string): FragmentParameter {
  const { data, shape } = given;
  const [rows = 0, columns = 0] = shape;
  // What is no matrix of this kind at all, the check of shapes says.
  if (shape.length !== 2 || columns > rows || data.length !== rows * columns) return given;
  const gap =
    rows * columns * columns <= mostProducts
      ? orthonormalGap(data, rows, columns)
      : probedGap(data, rows, columns);
  if (gap <= widestGap) return given;
  if (!isMended)
    throw new InterventionError(
      `${what} must have orthonormal columns, and WᵀW is off the identity by ${gap.toPrecision(2)}. Orthonormalise them, or set 'orthonormalize' beside 'parameters'.`,
    );
  const mended = orthonormalized(data, rows, columns);
  if (mended) return { data: mended, shape };
  throw new InterventionError(
    `${what} cannot be orthonormalised: its columns are not independent, or hold NaN. Give it another.`,
  );
}

/**
 * @param isMended whether a rotation that is not orthonormal is made so, column by column
 * @param label for messages, such as `representations.0`
 * @throws InterventionError for what is no tensor, or a rotation that is not orthonormal
 */
export function readParameters(
  type: InterventionType,
  given: GivenParameters,
  isMended: boolean,
  label: string,
): Parameters {
  return Object.fromEntries(
    Object.entries(given).map(([name, parameter]) => {
      const what = `${label}: the parameter '${name}' of the ${type.name}`;
      // A tensor of another library has more names of its own than are read.
      if (!('dims' in parameter)) requireNames(what, parameter, ['data', 'shape']);
      const shape: unknown = 'dims' in parameter ? parameter.dims : parameter.shape;
      const numbers = parameter.data instanceof Float32Array ? parameter.data : numbersOf(parameter.data);
      if (!numbers || !Array.isArray(shape))
        throw new InterventionError(
          `${what} must be { data, shape }, a Float32Array and a list of its sizes, not ${shownValue(parameter)}.`,
        );
      const read = { data: numbers instanceof Float32Array ? numbers : Float32Array.from(numbers), shape };
      return [name, type.orthonormal?.includes(name) ? rotationOf(read, isMended, what) : read];
    }),
  );
}
