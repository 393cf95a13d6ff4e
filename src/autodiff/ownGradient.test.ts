import { expect, test } from 'vitest';
import { add, exp, mul } from '../onnx/elementwise.ts';
import { ownGradient, withGradient } from '../onnx/ownGradient.ts';
import { constant, input, ShapeError, type Value } from '../onnx/value.ts';
import { evaluate } from './expected/evaluate.ts';
import { gradients } from './gradients.ts';

const x = input('x', 'float32', [3]);
const y = input('y', 'float32', [3]);
const both = {
  x: { shape: [3], data: Float64Array.of(-0.5, 0.25, 2) },
  y: { shape: [3], data: Float64Array.of(3, -1, 0.5) },
};

/** 3 x² y, with a gradient that is told apart from the true one by its factors 100 and 1000. */
const marked = (): Value =>
  withGradient(mul(mul(constant(3), mul(x, x)), y), {
    inputs: [x, y],
    back: (gradient) => [() => mul(gradient, constant(100)), () => mul(gradient, constant(1000))],
  });

const gradientsOf = (value: Value, wrt: readonly Value[]): readonly (readonly number[])[] => {
  const found = gradients([{ value, gradient: constant(new Float32Array([1, 2, 3]), [3]) }], wrt);
  return found.map((gradient) => {
    if (!gradient) throw new Error('There is no gradient.');
    return [...(evaluate({ gradient }, both).gradient?.data ?? [])];
  });
};

test('a gradient of its own is taken instead of that of the operations, once, on the way to what lies before and behind', () => {
  expect(gradientsOf(marked(), [x, y])).toEqual([
    [100, 200, 300],
    [1000, 2000, 3000],
  ]);
  // Behind it another operation, and beside it another way to x.
  expect(gradientsOf(add(mul(constant(2), marked()), mul(constant(5), x)), [x])).toEqual([[205, 410, 615]]);
});

test('the value itself has the gradient that arrives at it, and is computed as before', () => {
  const value = marked();
  expect(gradientsOf(mul(value, constant(2)), [value])).toEqual([[2, 4, 6]]);
  expect([...(evaluate({ value }, both).value?.data ?? [])]).toEqual([2.25, -0.1875, 6]);
});

test('an input that needs no gradient is not asked for one', () => {
  const value = withGradient(mul(x, y), {
    inputs: [x, y],
    back: (gradient) => [
      () => gradient,
      () => {
        throw new Error('The gradient of y was asked for.');
      },
    ],
  });
  expect(gradientsOf(value, [x])).toEqual([[1, 2, 3]]);
});

test('a gradient of another shape than its input, and a value that no operation made, are refused', () => {
  const value = withGradient(exp(x), { inputs: [x], back: () => [() => constant(1)] });
  expect(() => gradientsOf(value, [x])).toThrow(ShapeError);
  expect(() => gradientsOf(value, [x])).toThrow('Exp: its own gradient does not have the shape of its input');
  expect(() => withGradient(x, { inputs: [x], back: (gradient) => [() => gradient] })).toThrow(
    'withGradient: the value is not the only result of an operation',
  );
});

test('an operation of which nothing was said has none', () => {
  const { origin } = exp(x);
  if (origin.kind !== 'operation') throw new Error('exp is no operation');
  expect(ownGradient(origin.operation)).toBeUndefined();
});
