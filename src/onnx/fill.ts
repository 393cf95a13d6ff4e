// Values made from the shape of another: zeros, counts, places along an axis. Where sizes are names, ONNX would have them
// computed by Shape, Range and Expand with a target made at run time, which onnxruntime-web takes back to the CPU. These
// use operators that have WebGPU kernels, and read nothing of the other value but its shape.

import { sameShape } from './dimension.ts';
import { cast, less, sub, where } from './elementwise.ts';
import { reshape, slice, squeeze } from './layout.ts';
import { cumulativeSum, reduceMax, reduceSum } from './reduction.ts';
import { constant, int32, resolveAxis, sizeAt, type Value } from './value.ts';

/** `gradient` repeated to the shape of `x`, to which it broadcasts. */
export function expandLike(gradient: Value, x: Value): Value {
  if (sameShape(gradient.shape, x.shape)) return gradient;
  // Nothing is less than itself, not even NaN: the condition carries the shape alone.
  return where(less(x, x), constant(0), gradient);
}

export const zerosLike = (x: Value): Value => where(less(x, x), constant(0), constant(0));

const onesLike = (x: Value): Value => where(less(x, x), constant(0), constant(1));

/** Ones along one axis of `x`: float32 [size]. */
function onesAlong(x: Value, axis: number): Value {
  const at = resolveAxis('places', x, axis);
  const others = x.shape.map((_, i) => i).filter((i) => i !== at);
  const named = others.filter((i) => typeof x.shape[i] !== 'number');
  const thin = others.reduce((part, i) => (named.includes(i) ? part : slice(part, i, 0, 1)), x);
  const ones = onesLike(thin);
  return squeeze(named.length > 0 ? reduceMax(ones, { axes: named }) : ones, others);
}

/** 0, 1, 2, ... along an axis of `x`: int32 [size]. Exact below 2^24 places. */
export function places(x: Value, axis: number): Value {
  const size = sizeAt(x.shape, axis);
  if (typeof size === 'number')
    return int32(
      Int32Array.from({ length: size }, (_, i) => i),
      [size],
    );
  return cast(sub(cumulativeSum(onesAlong(x, axis), 0), constant(1)), 'int32');
}

/** The size of `x` along an axis: int32 [1]. */
export function sizeAlong(x: Value, axis: number): Value {
  const size = sizeAt(x.shape, axis);
  if (typeof size === 'number') return int32(Int32Array.of(size), [1]);
  return cast(reshape(reduceSum(onesAlong(x, axis)), [1]), 'int32');
}

/** Entries that a reduction over these axes combines: float32, of the shape that keeps the axes with size 1, or a scalar. */
export function countAlong(x: Value, axes: readonly number[]): Value {
  const sizes = axes.map((axis) => sizeAt(x.shape, axis));
  if (sizes.every((size) => typeof size === 'number'))
    return constant(sizes.reduce<number>((product, size) => product * Number(size), 1));
  return reduceSum(onesLike(x), { axes });
}
