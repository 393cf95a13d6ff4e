// Operators that combine entries along axes: sums, extrema, softmax, normalisations, orderings.

import { sameShape } from './dimension.ts';
import {
  apply,
  applyMany,
  type Dimension,
  expectDtype,
  formatShape,
  int64s,
  resolveAxis,
  type Shape,
  ShapeError,
  sizeAt,
  type Value,
} from './value.ts';

export interface ReductionOptions {
  /** Axes to reduce, negative ones counted from the end; default all. */
  readonly axes?: readonly number[];
  /** Keep reduced axes with size 1; default true, so that the result broadcasts against the operand. */
  readonly keepDimensions?: boolean;
}

function reduced(op: string, x: Value, axes: readonly number[], keep: boolean): Shape {
  const gone = new Set(axes.map((axis) => resolveAxis(op, x, axis)));
  if (gone.size !== axes.length) throw new ShapeError(`${op}: axes ${formatShape(axes)} name one axis twice`);
  return x.shape.flatMap((size, axis): Dimension[] => (gone.has(axis) ? (keep ? [1] : []) : [size]));
}

function reduction(op: string, x: Value, options: ReductionOptions = {}): Value {
  expectDtype(op, x, 'float32', 'int32');
  const axes = options.axes ?? x.shape.map((_, axis) => axis);
  const keep = options.keepDimensions ?? true;
  const resolved = axes.map((axis) => resolveAxis(op, x, axis));
  return apply(op, [x, int64s(resolved)], { keepdims: keep ? 1 : 0 }, x.dtype, reduced(op, x, axes, keep));
}

export const reduceSum = (x: Value, options?: ReductionOptions): Value => reduction('ReduceSum', x, options);
export const reduceMean = (x: Value, options?: ReductionOptions): Value =>
  reduction('ReduceMean', x, options);
export const reduceMax = (x: Value, options?: ReductionOptions): Value => reduction('ReduceMax', x, options);
export const reduceMin = (x: Value, options?: ReductionOptions): Value => reduction('ReduceMin', x, options);
export const reduceLogSumExp = (x: Value, options?: ReductionOptions): Value =>
  reduction('ReduceLogSumExp', x, options);

export function softmax(x: Value, axis = -1): Value {
  expectDtype('Softmax', x, 'float32');
  return apply('Softmax', [x], { axis: resolveAxis('Softmax', x, axis) }, 'float32', x.shape);
}

/**
 * (x - mean) / sqrt(variance + epsilon) * weight + bias over the last axis.
 * @param x      [..., width]
 * @param weight [width]
 * @param bias   [width], or absent
 */
export function layerNormalization(x: Value, weight: Value, bias: Value | undefined, epsilon: number): Value {
  const op = 'LayerNormalization';
  expectDtype(op, x, 'float32');
  const width = sizeAt(x.shape, -1);
  for (const parameter of bias ? [weight, bias] : [weight]) {
    if (!sameShape(parameter.shape, [width])) {
      throw new ShapeError(
        `${op}: a parameter of shape ${formatShape(parameter.shape)} does not fit ${formatShape(x.shape)}`,
      );
    }
  }
  const inputs = bias ? [x, weight, bias] : [x, weight];
  return apply(op, inputs, { axis: -1, epsilon: { float: epsilon } }, 'float32', x.shape);
}

/** x / sqrt(mean(x²) + epsilon) * weight over the last axis. @param x [..., width] @param weight [width] */
export function rmsNormalization(x: Value, weight: Value, epsilon: number): Value {
  const op = 'RMSNormalization';
  expectDtype(op, x, 'float32');
  if (!sameShape(weight.shape, [sizeAt(x.shape, -1)])) {
    throw new ShapeError(`${op}: weight ${formatShape(weight.shape)} does not fit ${formatShape(x.shape)}`);
  }
  return apply(op, [x, weight], { axis: -1, epsilon: { float: epsilon } }, 'float32', x.shape);
}

/**
 * The `count` largest entries of the last axis, largest first, and their places. The places are int64, which WebGPU can
 * emit but not compute with: read them, do not gather by them.
 */
export function topK(x: Value, count: number): { readonly values: Value; readonly places: Value } {
  expectDtype('TopK', x, 'float32');
  const width = sizeAt(x.shape, -1);
  if (count < 1 || (typeof width === 'number' && count > width)) {
    throw new ShapeError(`TopK: cannot take ${count} of ${width}`);
  }
  const shape: Shape = [...x.shape.slice(0, -1), count];
  const [values, places] = applyMany('TopK', [x, int64s([count])], { axis: -1, largest: 1, sorted: 1 }, [
    { dtype: 'float32', shape },
    { dtype: 'int64', shape },
  ]);
  if (!values || !places) throw new ShapeError('TopK: made no output');
  return { values, places };
}

/** Running sum along an axis: each entry and those before it, or with `reverse` those after it. */
export function cumulativeSum(x: Value, axis: number, { reverse = false } = {}): Value {
  expectDtype('CumSum', x, 'float32');
  const scalar: Value = {
    dtype: 'int64',
    shape: [],
    origin: { kind: 'constant', data: BigInt64Array.of(BigInt(resolveAxis('CumSum', x, axis))) },
  };
  return apply('CumSum', [x, scalar], reverse ? { reverse: 1 } : {}, 'float32', x.shape);
}
