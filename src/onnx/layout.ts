// Operators that move entries without computing: reshape, transpose, gather, slice, concatenate.

import { divideDimensions, multiplyDimensions, sameShape } from './dimension.ts';
import {
  apply,
  type Dimension,
  describeValue,
  expectDtype,
  formatShape,
  int64s,
  resolveAxis,
  type Shape,
  ShapeError,
  sizeAt,
  type Value,
} from './value.ts';

/**
 * The same entries in another shape. At most one entry of the new shape may be a name that does not stand at the same
 * axis of the old shape: ONNX's constant target shape can say "copy this axis" and "infer one", and a target computed at
 * run time would fall back to the CPU.
 * @throws ShapeError when the sizes differ, or cannot be written as a constant target
 */
export function reshape(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const refuse = (why: string) =>
    new ShapeError(`Reshape: ${describeValue(x)} to ${formatShape(shape)}: ${why}`);
  if (multiplyDimensions(...x.shape) !== multiplyDimensions(...shape)) throw refuse('sizes differ');
  let inferred = false;
  const target = shape.map((size, axis): number => {
    if (typeof size === 'number') return size;
    if (x.shape[axis] === size) return 0;
    if (inferred) throw refuse('more than one named size moves');
    inferred = true;
    return -1;
  });
  return apply('Reshape', [x, int64s(target)], {}, x.dtype, shape);
}

/** The same entries as a value of its own: what reads it can be told apart from what reads `x`. */
export const identity = (x: Value): Value => apply('Identity', [x], {}, x.dtype, x.shape);

/** Reorder axes: axis i of the result is axis `permutation[i]` of x. */
export function transpose(x: Value, permutation: readonly number[]): Value {
  expectDtype('Transpose', x, 'float32', 'int32');
  const sorted = [...permutation].sort((a, b) => a - b);
  if (
    !sameShape(
      sorted,
      x.shape.map((_, axis) => axis),
    )
  ) {
    throw new ShapeError(
      `Transpose: ${formatShape(permutation)} is not a permutation of the axes of ${describeValue(x)}`,
    );
  }
  return apply(
    'Transpose',
    [x],
    { perm: permutation },
    x.dtype,
    permutation.map((axis) => sizeAt(x.shape, axis)),
  );
}

/** Insert axes of size 1 at these places of the result. */
export function unsqueeze(x: Value, axes: readonly number[]): Value {
  const rank = x.shape.length + axes.length;
  const places = new Set(axes);
  const rest = [...x.shape];
  const shape = Array.from(
    { length: rank },
    (_, axis): Dimension => (places.has(axis) ? 1 : (rest.shift() ?? 1)),
  );
  if (places.size !== axes.length || axes.some((axis) => axis < 0 || axis >= rank)) {
    throw new ShapeError(`Unsqueeze: axes ${formatShape(axes)} do not fit ${describeValue(x)}`);
  }
  return apply('Unsqueeze', [x, int64s(axes)], {}, x.dtype, shape);
}

/** Remove axes of size 1. */
export function squeeze(x: Value, axes: readonly number[]): Value {
  const resolved = axes.map((axis) => resolveAxis('Squeeze', x, axis));
  if (resolved.some((axis) => x.shape[axis] !== 1)) {
    throw new ShapeError(`Squeeze: axes ${formatShape(axes)} of ${describeValue(x)} are not all of size 1`);
  }
  return apply(
    'Squeeze',
    [x, int64s(resolved)],
    {},
    x.dtype,
    x.shape.filter((_, axis) => !resolved.includes(axis)),
  );
}

export function concat(values: readonly Value[], axis: number): Value {
  const [first, ...rest] = values;
  if (!first) throw new ShapeError('Concat: nothing to concatenate');
  if (rest.length === 0) return first;
  const at = resolveAxis('Concat', first, axis);
  const fits = (v: Value) =>
    v.dtype === first.dtype &&
    v.shape.length === first.shape.length &&
    v.shape.every((s, i) => i === at || s === first.shape[i]);
  const odd = rest.find((value) => !fits(value));
  if (odd)
    throw new ShapeError(
      `Concat: ${describeValue(odd)} does not fit ${describeValue(first)} along axis ${axis}`,
    );
  const sizes = values.map((value) => sizeAt(value.shape, at));
  const total = sizes.every((size) => typeof size === 'number')
    ? sizes.reduce<number>((sum, size) => sum + Number(size), 0)
    : sizes.join('+').replaceAll('*', '·'); // One name: a sum has no factors that could be divided out.
  return apply(
    'Concat',
    values,
    { axis: at },
    first.dtype,
    first.shape.map((size, i) => (i === at ? total : size)),
  );
}

/** Entries `start` to `end` (exclusive) along an axis of known size; negative bounds count from the end. */
export function slice(x: Value, axis: number, start: number, end: number): Value {
  const at = resolveAxis('Slice', x, axis);
  const size = sizeAt(x.shape, at);
  if (typeof size !== 'number')
    throw new ShapeError(`Slice: axis ${axis} of ${describeValue(x)} has no known size`);
  const from = start < 0 ? start + size : start;
  const to = end < 0 ? end + size : end;
  if (from < 0 || to > size || from >= to) {
    throw new ShapeError(`Slice: ${start} to ${end} does not lie in axis ${axis} of ${describeValue(x)}`);
  }
  if (from === 0 && to === size) return x;
  return apply(
    'Slice',
    [x, int64s([from]), int64s([to]), int64s([at])],
    {},
    x.dtype,
    x.shape.map((s, i) => (i === at ? to - from : s)),
  );
}

/**
 * Equal parts along an axis of known size. Built from slices: a Split of more than nine outputs needs more storage
 * buffers than a WebGPU shader may have, and fails only when it runs.
 */
export function split(x: Value, axis: number, parts: number): readonly Value[] {
  const size = sizeAt(x.shape, resolveAxis('Split', x, axis));
  const each = divideDimensions(size, parts);
  if (typeof each !== 'number')
    throw new ShapeError(`Split: axis ${axis} of ${describeValue(x)} has no ${parts} equal parts`);
  return Array.from({ length: parts }, (_, part) => slice(x, axis, part * each, (part + 1) * each));
}

/**
 * Entries of `x` along an axis at int32 `indices`; the axis is replaced by the indices' shape. An index out of range is
 * clamped without an error on WebGPU, so whoever makes indices checks them.
 */
export function gather(x: Value, indices: Value, axis: number): Value {
  expectDtype('Gather', indices, 'int32');
  expectDtype('Gather', x, 'float32', 'int32', 'uint8');
  const at = resolveAxis('Gather', x, axis);
  const shape = [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)];
  return apply('Gather', [x, indices], { axis: at }, x.dtype, shape);
}

/** Entries of `x` at `indices` along an axis, index by index: the result has the shape of `indices`. */
export function gatherElements(x: Value, indices: Value, axis: number): Value {
  expectDtype('GatherElements', indices, 'int32');
  const at = resolveAxis('GatherElements', x, axis);
  if (
    indices.shape.length !== x.shape.length ||
    indices.shape.some((size, i) => i !== at && size !== x.shape[i])
  ) {
    throw new ShapeError(
      `GatherElements: indices ${describeValue(indices)} do not fit ${describeValue(x)} along axis ${axis}`,
    );
  }
  return apply('GatherElements', [x, indices], { axis: at }, x.dtype, indices.shape);
}
