// Gradients of the operators that move entries: they move the gradient back.

import { multiplyDimensions, sameShape } from '../onnx/dimension.ts';
import { add, mul } from '../onnx/elementwise.ts';
import { places, sizeAlong } from '../onnx/fill.ts';
import { gather, reshape, slice, squeeze, transpose, unsqueeze } from '../onnx/layout.ts';
import { type Shape, ShapeError, sizeAt, type Value } from '../onnx/value.ts';
import { type Contribution, inputOf, integerAttribute, integersOf, noGradient, type Rule } from './rule.ts';

function tryReshape(x: Value, shape: Shape): Value | undefined {
  try {
    return reshape(x, shape);
  } catch (error) {
    if (error instanceof ShapeError) return undefined;
    throw error;
  }
}

/** What a value was before it was reshaped, reshaped again and so on. */
function shapesBefore(x: Value): readonly Value[] {
  const found = [x];
  for (let value = x; value.origin.kind === 'operation' && value.origin.operation.op === 'Reshape'; ) {
    value = inputOf(value.origin.operation, 0);
    found.push(value);
  }
  return found;
}

/**
 * [a * b, ...] as [a, b, ...] where both sizes are names, which no constant target can say: gathered by a matrix of
 * places, whose shape is that of `x`.
 */
function splitFirstAxis(g: Value, x: Value): Value | undefined {
  const [a, b, ...rest] = x.shape;
  if (a === undefined || b === undefined || rest.some((size) => typeof size !== 'number')) return undefined;
  const rows = tryReshape(g, [multiplyDimensions(a, b), multiplyDimensions(...rest)]);
  if (!rows) return undefined;
  const before = mul(unsqueeze(places(x, 0), [1]), sizeAlong(x, 1));
  const index = add(before, unsqueeze(places(x, 1), [0]));
  return tryReshape(gather(rows, index, 0), x.shape);
}

/** @throws ShapeError when no rule of constant targets leads back */
function reshapeBack(g: Value, x: Value): Value {
  for (const value of shapesBefore(g)) {
    const found = tryReshape(value, x.shape);
    if (found) return found;
  }
  const split = splitFirstAxis(g, x);
  if (split) return split;
  throw new ShapeError(
    `Reshape: the gradient [${g.shape.join(', ')}] cannot be brought back to [${x.shape.join(', ')}]: only two named sizes may be joined, as the first axis.`,
  );
}

/** The gradients of the parts of a concatenation. */
const concatenation: Rule = (g, operation) => {
  const axis = integerAttribute(operation, 'axis');
  const parts = operation.inputs;
  const { origin } = g;
  // What comes back as a concatenation of the very same parts needs no taking apart.
  if (origin.kind === 'operation' && origin.operation.op === 'Concat') {
    const { inputs } = origin.operation;
    const isAlike =
      integerAttribute(origin.operation, 'axis') === axis &&
      inputs.length === parts.length &&
      inputs.every((input, i) => sameShape(input.shape, parts[i]?.shape ?? []));
    if (isAlike) return inputs.map((input) => () => input);
  }
  const before = (index: number) => parts.slice(0, index);
  return parts.map((part, index) => (): Contribution => {
    const sizes = parts.slice(0, index + 1).map((value) => sizeAt(value.shape, axis));
    if (typeof sizeAt(g.shape, axis) === 'number') {
      const to = sizes.reduce<number>((sum, size) => sum + Number(size), 0);
      return slice(g, axis, to - Number(sizes.at(-1)), to);
    }
    const own = places(part, axis);
    return gather(
      g,
      before(index)
        .map((value) => sizeAlong(value, axis))
        .reduce(add, own),
      axis,
    );
  });
};

export const layoutRules: Readonly<Record<string, Rule>> = {
  Reshape: (g, operation) => [() => reshapeBack(g, inputOf(operation, 0)), noGradient],
  Transpose: (g, { attributes }) => {
    const { perm } = attributes;
    if (!Array.isArray(perm)) throw new ShapeError('Transpose: has no permutation');
    const inverse = perm.map((_, axis) => perm.indexOf(axis));
    return [() => transpose(g, inverse)];
  },
  Unsqueeze: (g, operation) => [() => squeeze(g, integersOf(operation, 1)), noGradient],
  Squeeze: (g, operation) => [() => unsqueeze(g, integersOf(operation, 1)), noGradient],
  Concat: concatenation,
  Slice: (g, operation) => {
    const [from = 0] = integersOf(operation, 1);
    const [axis = 0] = integersOf(operation, 3);
    return [() => ({ part: g, axis, from }), noGradient, noGradient, noGradient];
  },
};
