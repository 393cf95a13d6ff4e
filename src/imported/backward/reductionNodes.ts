// Nodes that combine entries along axes: sums, norms, softmax, matrix products.

import { gemm, matMul } from '../../onnx/contraction.ts';
import { abs, add, div, log, mul, sqrt, sub } from '../../onnx/elementwise.ts';
import { reshape, squeeze, transpose, unsqueeze } from '../../onnx/layout.ts';
import * as r from '../../onnx/reduction.ts';
import { constant, type Value } from '../../onnx/value.ts';
import { axisOf, type NodeScope, sizesOf, type Translate } from './nodeScope.ts';

const square = (x: Value): Value => mul(x, x);
const countOf = (sizes: readonly number[]): number => sizes.reduce((product, size) => product * size, 1);

const reduction =
  (reduce: (x: Value, options: r.ReductionOptions) => Value): Translate =>
  (scope) => {
    const x = scope.value(0);
    const given = scope.integersOrOperand('axes', 1);
    const axes = given && given.length > 0 ? given.map((axis) => axisOf(x, axis)) : undefined;
    if (!axes && scope.integer('noop_with_empty_axes', 0) === 1) return x;
    const keepDimensions = scope.integer('keepdims', 1) === 1;
    return reduce(x, { axes: axes ?? x.shape.map((_, axis) => axis), keepDimensions });
  };

/** Along one axis, or before version 13 over all axes from one on. */
const alongAxis =
  (compute: (x: Value, axis: number) => Value): Translate =>
  (scope) => {
    const x = scope.value(0);
    if (scope.version >= 13) return compute(x, axisOf(x, scope.integer('axis', -1)));
    const sizes = sizesOf(x);
    const axis = axisOf(x, scope.integer('axis', 1));
    const flat = reshape(x, [countOf(sizes.slice(0, axis)), countOf(sizes.slice(axis))]);
    return reshape(compute(flat, 1), sizes);
  };

const mean = (x: Value, axes: readonly number[]): Value => r.reduceMean(x, { axes });

/** (x - mean) / sqrt(variance + epsilon) over some axes. */
function standardised(x: Value, axes: readonly number[], epsilon: number): Value {
  const centred = sub(x, mean(x, axes));
  return div(centred, sqrt(add(mean(square(centred), axes), constant(epsilon))));
}

function layerNormalised(x: Value, scope: NodeScope, weight: Value, bias: Value | undefined): Value {
  const axis = axisOf(x, scope.integer('axis', -1));
  const epsilon = scope.float('epsilon', 1e-5);
  const isLast = axis === x.shape.length - 1 && weight.shape.length === 1 && (bias?.shape.length ?? 1) === 1;
  if (isLast && weight.shape[0] === x.shape[axis]) return r.layerNormalization(x, weight, bias, epsilon);
  const axes = x.shape.map((_, at) => at).filter((at) => at >= axis);
  const scaled = mul(standardised(x, axes, epsilon), weight);
  return bias ? add(scaled, bias) : scaled;
}

const rootNormalised = (x: Value, weight: Value, epsilon: number): Value =>
  mul(div(x, sqrt(add(mean(square(x), [x.shape.length - 1]), constant(epsilon)))), weight);

/** A number for each channel, to be broadcast over what lies behind the channels. */
const perChannel = (x: Value, numbers: Value): Value =>
  reshape(
    numbers,
    x.shape.map((size, axis) => (axis === 1 ? size : 1)),
  );

const behindChannels = (x: Value): readonly number[] =>
  x.shape.map((_, axis) => axis).filter((axis) => axis > 1);

const batchNormalised: Translate = (scope) => {
  if (scope.integer('training_mode', 0) === 1) throw scope.problem('is in training mode');
  const x = scope.value(0);
  const [scale, bias, center, variance] = [1, 2, 3, 4].map((index) => perChannel(x, scope.value(index)));
  if (!scale || !bias || !center || !variance) throw scope.problem('lacks an operand');
  const factor = div(scale, sqrt(add(variance, constant(scope.float('epsilon', 1e-5)))));
  return add(mul(sub(x, center), factor), bias);
};

const instanceNormalised: Translate = (scope) => {
  const x = scope.value(0);
  const normal = standardised(x, behindChannels(x), scope.float('epsilon', 1e-5));
  return add(mul(normal, perChannel(x, scope.value(1))), perChannel(x, scope.value(2)));
};

const groupNormalised: Translate = (scope) => {
  const x = scope.value(0);
  const [batch = 1, channels = 1, ...sizes] = sizesOf(x);
  const groups = scope.integer('num_groups', 1);
  const apart = reshape(x, [batch, groups, (channels / groups) * countOf(sizes)]);
  const normal = standardised(apart, [2], scope.float('epsilon', 1e-5));
  // Before version 21 there is a scale for each group, since then for each channel.
  const isByGroup = scope.version < 21;
  const scaled = (to: Value): Value =>
    add(mul(to, perChannel(to, scope.value(1))), perChannel(to, scope.value(2)));
  return isByGroup ? reshape(scaled(normal), sizesOf(x)) : scaled(reshape(normal, sizesOf(x)));
};

/** A product where a vector may stand in the place of a matrix. */
function product(a: Value, b: Value): Value {
  const left = a.shape.length === 1 ? unsqueeze(a, [0]) : a;
  const right = b.shape.length === 1 ? unsqueeze(b, [1]) : b;
  const made = matMul(left, right);
  const rank = made.shape.length;
  const gone = [...(a.shape.length === 1 ? [rank - 2] : []), ...(b.shape.length === 1 ? [rank - 1] : [])];
  return gone.length > 0 ? squeeze(made, gone) : made;
}

const gemmNode: Translate = (scope) => {
  const [alpha, beta] = [scope.float('alpha', 1), scope.float('beta', 1)];
  const made = gemm(scope.value(0), scope.value(1), {
    transposeA: scope.integer('transA', 0) === 1,
    transposeB: scope.integer('transB', 0) === 1,
  });
  const scaled = alpha === 1 ? made : mul(made, constant(alpha));
  if (!scope.has(2)) return scaled;
  const bias = scope.value(2);
  return add(scaled, beta === 1 ? bias : mul(bias, constant(beta)));
};

const lengthAlong: Translate = (scope) => {
  const x = scope.value(0);
  const axes = [axisOf(x, scope.integer('axis', -1))];
  const sizes =
    scope.integer('p', 2) === 1 ? r.reduceSum(abs(x), { axes }) : sqrt(r.reduceSum(square(x), { axes }));
  return div(x, sizes);
};

const runningSum: Translate = (scope) => {
  if (scope.integer('exclusive', 0) === 1) throw scope.problem('leaves each entry out of its own sum');
  const x = scope.value(0);
  const axis = axisOf(x, scope.numbers(1)[0] ?? 0);
  return r.cumulativeSum(x, axis, { reverse: scope.integer('reverse', 0) === 1 });
};

export const reductionNodes: Readonly<Record<string, Translate>> = {
  MatMul: (scope) => product(scope.value(0), scope.value(1)),
  Gemm: gemmNode,
  ReduceSum: reduction(r.reduceSum),
  ReduceMean: reduction(r.reduceMean),
  ReduceMax: reduction(r.reduceMax),
  ReduceMin: reduction(r.reduceMin),
  ReduceLogSumExp: reduction(r.reduceLogSumExp),
  ReduceL1: reduction((x, options) => r.reduceSum(abs(x), options)),
  ReduceL2: reduction((x, options) => sqrt(r.reduceSum(square(x), options))),
  ReduceSumSquare: reduction((x, options) => r.reduceSum(square(x), options)),
  ReduceLogSum: reduction((x, options) => log(r.reduceSum(x, options))),
  GlobalAveragePool: (scope) => mean(scope.value(0), behindChannels(scope.value(0))),
  Softmax: alongAxis(r.softmax),
  LogSoftmax: alongAxis((x, axis) => sub(x, r.reduceLogSumExp(x, { axes: [axis] }))),
  LayerNormalization: (scope) =>
    layerNormalised(scope.value(0), scope, scope.value(1), scope.has(2) ? scope.value(2) : undefined),
  RMSNormalization: (scope) => {
    const x = scope.value(0);
    if (axisOf(x, scope.integer('axis', -1)) !== x.shape.length - 1)
      throw scope.problem('normalises over more than the last axis');
    return rootNormalised(x, scope.value(1), scope.float('epsilon', 1e-5));
  },
  SimplifiedLayerNormalization: (scope) =>
    rootNormalised(scope.value(0), scope.value(1), scope.float('epsilon', 1e-5)),
  BatchNormalization: batchNormalised,
  InstanceNormalization: instanceNormalised,
  GroupNormalization: groupNormalised,
  LpNormalization: lengthAlong,
  CumSum: runningSum,
};

/** A sum that is normalised, and is an output beside. */
const skipping =
  (normalise: (sum: Value, scope: NodeScope) => Value, bias: number): Translate =>
  (scope) => {
    const both = add(scope.value(0), scope.value(1));
    const sum = scope.has(bias) ? add(both, scope.value(bias)) : both;
    return [normalise(sum, scope), undefined, undefined, sum];
  };

export const microsoftReductions: Readonly<Record<string, Translate>> = {
  SkipLayerNormalization: skipping((sum, scope) => {
    const beta = scope.has(3) ? scope.value(3) : undefined;
    return r.layerNormalization(sum, scope.value(2), beta, scope.float('epsilon', 1e-12));
  }, 4),
  SkipSimplifiedLayerNormalization: skipping(
    (sum, scope) => rootNormalised(sum, scope.value(2), scope.float('epsilon', 1e-12)),
    3,
  ),
  FusedMatMul: (scope) => {
    const turned = (x: Value, isTurned: boolean): Value => {
      const rank = x.shape.length;
      const axes = x.shape.map((_, axis) => axis);
      return isTurned ? transpose(x, [...axes.slice(0, -2), rank - 1, rank - 2]) : x;
    };
    const [a, b] = [scope.value(0), scope.value(1)];
    if (scope.integer('transBatchA', 0) === 1 || scope.integer('transBatchB', 0) === 1)
      throw scope.problem('turns the axes of its batch');
    const made = product(
      turned(a, scope.integer('transA', 0) === 1),
      turned(b, scope.integer('transB', 0) === 1),
    );
    return mul(made, constant(scope.float('alpha', 1)));
  },
};
