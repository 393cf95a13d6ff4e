// Operators whose sizes follow from numbers, and loops. Only a processor runs them: on WebGPU there are no kernels for
// them, or onnxruntime-web computes their control on the processor. They have no gradients. So a graph that uses them has
// a form without.

import {
  apply,
  applyMany,
  type Dimension,
  describeValue,
  expectDtype,
  resolveAxis,
  ShapeError,
  sizeAt,
  type Value,
} from './value.ts';

/** ONNX's number for int64. */
const int64 = 7;

/**
 * Where a matrix is not zero, row by row: the column of each such entry.
 * @param x     [rows, columns]
 * @param count of these entries
 * @returns     int64 [count]
 */
export function columnsOfNonZero(x: Value, count: Dimension): Value {
  expectDtype('NonZero', x, 'float32', 'int32');
  if (x.shape.length !== 2) throw new ShapeError(`NonZero: ${describeValue(x)} is no matrix`);
  const places = apply('NonZero', [x], {}, 'int64', [2, count]);
  const column: Value = {
    dtype: 'int64',
    shape: [],
    origin: { kind: 'constant', data: BigInt64Array.of(1n) },
  };
  return apply('Gather', [places, column], { axis: 0 }, 'int64', [count]);
}

/**
 * A value cut along an axis into parts of sizes that were computed.
 * @param sizes float32, whole numbers, [parts]
 * @param names of the sizes, one for each part: no two sizes of a graph may share one
 */
export function splitBySizes(
  x: Value,
  axis: number,
  sizes: Value,
  names: readonly string[],
): readonly Value[] {
  const at = resolveAxis('Split', x, axis);
  if (sizes.shape.length !== 1 || sizeAt(sizes.shape, 0) !== names.length)
    throw new ShapeError(`Split: ${names.length} parts do not fit sizes ${describeValue(sizes)}`);
  const whole = apply('Cast', [sizes], { to: int64 }, 'int64', sizes.shape);
  const parts = names.map((name) => ({
    dtype: x.dtype,
    shape: x.shape.map((size, i) => (i === at ? name : size)),
  }));
  return applyMany('Split', [x, whole], { axis: at }, parts);
}
