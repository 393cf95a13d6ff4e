// Gradients of the operators that combine entries along axes.

import { add, cast, div, equal, exp, mul, reciprocal, sqrt, sub } from '../onnx/elementwise.ts';
import { countAlong, expandLike } from '../onnx/fill.ts';
import { squeeze, unsqueeze } from '../onnx/layout.ts';
import { cumulativeSum, reduceMean, reduceSum } from '../onnx/reduction.ts';
import { constant, type Operation, type Value } from '../onnx/value.ts';
import {
  floatAttribute,
  inputOf,
  integerAttribute,
  integersOf,
  noGradient,
  outputOf,
  type Rule,
} from './rule.ts';

/** From the gradient and result of a reduction, both with the reduced axes kept, the gradient of what was reduced. */
const reduction =
  (back: (g: Value, x: Value, y: Value, axes: readonly number[]) => Value): Rule =>
  (g, operation) => {
    const x = inputOf(operation, 0);
    const axes = integersOf(operation, 1);
    const kept = (value: Value) =>
      integerAttribute(operation, 'keepdims') === 1 || axes.length === 0 ? value : unsqueeze(value, axes);
    return [() => expandLike(back(kept(g), x, kept(outputOf(operation)), axes), x), noGradient];
  };

/** The extreme entries share the gradient. */
const extremum = reduction((g, x, y, axes) => {
  const isExtreme = cast(equal(x, y), 'float32');
  return mul(isExtreme, div(g, reduceSum(isExtreme, { axes })));
});

const softmax: Rule = (g, operation) => {
  const y = outputOf(operation);
  const axes = [integerAttribute(operation, 'axis')];
  return [() => mul(y, sub(g, reduceSum(mul(g, y), { axes })))];
};

const meanOverLast = (x: Value): Value => reduceMean(x, { axes: [-1] });

/** Sum over all axes but the last. */
function sumOverRows(x: Value): Value {
  const axes = x.shape.slice(0, -1).map((_, axis) => axis);
  return axes.length > 0 ? reduceSum(x, { axes, keepDimensions: false }) : x;
}

/**
 * The gradient of n = x r, where r = 1 / √(mean x² + epsilon) and x may have been centred; h is the gradient of n:
 * r (h - mean h [if x was centred]) - x r³ mean(h x).
 */
function normalization(g: Value, operation: Operation, isCentred: boolean): ReturnType<Rule> {
  const [x, weight] = [inputOf(operation, 0), inputOf(operation, 1)];
  const centred = isCentred ? sub(x, meanOverLast(x)) : x;
  const epsilon = constant(floatAttribute(operation, 'epsilon'));
  const r = reciprocal(sqrt(add(meanOverLast(mul(centred, centred)), epsilon)));
  return [
    () => {
      const h = mul(g, weight);
      const straight = isCentred ? sub(h, meanOverLast(h)) : h;
      const along = mul(mul(r, mul(r, r)), meanOverLast(mul(h, centred)));
      return sub(mul(straight, r), mul(centred, along));
    },
    () => sumOverRows(mul(g, mul(centred, r))),
    () => sumOverRows(g),
  ];
}

/** Each of the values is an entry of x; equal entries share what comes back to them. */
const topK: Rule = (g, operation) => {
  const [x, values] = [inputOf(operation, 0), outputOf(operation)];
  const rank = x.shape.length;
  return [
    () => {
      // [..., count, width]
      const isSame = cast(equal(unsqueeze(values, [rank]), unsqueeze(x, [rank - 1])), 'float32');
      const shares = div(unsqueeze(g, [rank]), reduceSum(isSame, { axes: [-1] }));
      const summed = reduceSum(mul(isSame, shares), { axes: [-2] });
      return squeeze(summed, [rank - 1]);
    },
    noGradient,
  ];
};

const runningSum: Rule = (g, operation) => {
  const [axis = 0] = integersOf(operation, 1);
  const reverse = integerAttribute(operation, 'reverse', 0) === 0;
  return [() => cumulativeSum(g, axis, { reverse }), noGradient];
};

export const reductionRules: Readonly<Record<string, Rule>> = {
  ReduceSum: reduction((g) => g),
  ReduceMean: reduction((g, x, _, axes) => div(g, countAlong(x, axes))),
  ReduceMax: extremum,
  ReduceMin: extremum,
  ReduceLogSumExp: reduction((g, x, y) => mul(g, exp(sub(x, y)))),
  Softmax: softmax,
  LayerNormalization: (g, operation) => normalization(g, operation, true),
  RMSNormalization: (g, operation) => normalization(g, operation, false),
  TopK: topK,
  CumSum: runningSum,
};
