// Gradients of the gathers: what was taken from a place, however often, is summed there.
//
// ONNX would say ScatterElements or ScatterND with reduction 'add'. On WebGPU these add floats in whatever order the
// threads come, so that two runs differ, and ScatterND wants int64 indices. A product with the matrix that is 1 where an
// index names a place adds in a fixed order on every backend. It costs places * indices * width; a model's large gathers
// have a way back of their own (`RuleOptions.gathers`).

import { matMul } from '../onnx/contraction.ts';
import { multiplyDimensions } from '../onnx/dimension.ts';
import { cast, equal, mul } from '../onnx/elementwise.ts';
import { places } from '../onnx/fill.ts';
import { reshape, squeeze, transpose, unsqueeze } from '../onnx/layout.ts';
import { reduceSum } from '../onnx/reduction.ts';
import type { Value } from '../onnx/value.ts';
import { inputOf, integerAttribute, noGradient, type Rule } from './rule.ts';

/** Move an axis to another place; the others keep their order. */
function moveAxis(x: Value, from: number, to: number): Value {
  if (from === to) return x;
  const order = x.shape.map((_, axis) => axis).filter((axis) => axis !== from);
  order.splice(to, 0, from);
  return transpose(x, order);
}

/**
 * Sum, for each place along an axis of `x`, of the entries of `gradient` whose index names it. An index that names no
 * place adds nothing.
 * @param gradient as `gather(x, indices, axis)`
 * @param x        what was gathered from; only its shape is read
 * @param indices  int32, of any rank
 * @returns        as `x`
 */
export function sumByIndex(gradient: Value, x: Value, indices: Value, axis: number): Value {
  const count = multiplyDimensions(...indices.shape);
  const rest = x.shape.slice(axis + 1);
  // [..., indices, ...] with the indices in one axis.
  const flat = reshape(gradient, [...x.shape.slice(0, axis), count, ...rest]);
  const hot = equal(unsqueeze(places(x, axis), [1]), reshape(indices, [1, count]));
  const matrix = cast(hot, 'float32');
  if (x.shape.length === 1) return squeeze(matMul(matrix, unsqueeze(flat, [1])), [1]);
  const row = x.shape.length - 2;
  return moveAxis(matMul(matrix, moveAxis(flat, axis, row)), row, axis);
}

const gatherRule: Rule = (g, operation, { gathers }) => {
  const [x, indices] = [inputOf(operation, 0), inputOf(operation, 1)];
  const known = gathers?.get(indices);
  const axis = integerAttribute(operation, 'axis');
  return [() => (known ? known(g, x) : sumByIndex(g, x, indices, axis)), noGradient];
};

const gatherElements: Rule = (g, operation) => {
  const [x, indices] = [inputOf(operation, 0), inputOf(operation, 1)];
  const axis = integerAttribute(operation, 'axis');
  return [
    () => {
      const last = x.shape.length - 1;
      // [..., indices, places]
      const named = equal(unsqueeze(moveAxis(indices, axis, last), [last + 1]), places(x, axis));
      const taken = mul(cast(named, 'float32'), unsqueeze(moveAxis(g, axis, last), [last + 1]));
      return moveAxis(reduceSum(taken, { axes: [last], keepDimensions: false }), last, axis);
    },
    noGradient,
  ];
};

export const gatherRules: Readonly<Record<string, Rule>> = {
  Gather: gatherRule,
  GatherElements: gatherElements,
};
