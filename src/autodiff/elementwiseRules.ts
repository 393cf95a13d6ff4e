// Gradients of the operators that act entry by entry. Where two operands meet (max of equals, the corner of relu) the
// choice is PyTorch's: equals share, the corner of relu and abs is flat.

import {
  add,
  cos,
  div,
  equal,
  erf,
  exp,
  greater,
  less,
  log,
  mul,
  neg,
  pow,
  sigmoid,
  sin,
  sub,
  tanh,
  where,
} from '../onnx/elementwise.ts';
import { constant, type Value } from '../onnx/value.ts';
import { inputOf, noGradient, outputOf, type Rule, undoBroadcast } from './rule.ts';

const zero = constant(0);
const half = constant(0.5);
const one = constant(1);
const square = (x: Value): Value => mul(x, x);

/** d f(x) / d x from x and f(x). */
const unary =
  (derivative: (x: Value, y: Value) => Value): Rule =>
  (g, operation) => [() => mul(g, derivative(inputOf(operation, 0), outputOf(operation)))];

/** The gradients at both operands, before broadcasting is undone. */
const binary =
  (
    left: (g: Value, a: Value, b: Value, y: Value) => Value,
    right: (g: Value, a: Value, b: Value, y: Value) => Value,
  ): Rule =>
  (g, operation) => {
    const [a, b, y] = [inputOf(operation, 0), inputOf(operation, 1), outputOf(operation)];
    return [() => undoBroadcast(left(g, a, b, y), a.shape), () => undoBroadcast(right(g, a, b, y), b.shape)];
  };

/** The gradient goes to the operand that was chosen; equals share it. */
const chosen = (isChosen: (a: Value, b: Value) => Value): Rule =>
  binary(
    (g, a, b) => where(equal(a, b), mul(g, half), where(isChosen(a, b), g, zero)),
    (g, a, b) => where(equal(a, b), mul(g, half), where(isChosen(a, b), zero, g)),
  );

/** Standard normal density. */
const density = (x: Value): Value =>
  mul(constant((2 * Math.PI) ** -0.5), exp(mul(constant(-0.5), square(x))));

const exactGelu = (x: Value): Value => {
  const distribution = mul(half, add(one, erf(mul(constant(Math.SQRT1_2), x))));
  return add(distribution, mul(x, density(x)));
};

/** y = x/2 (1 + tanh u), u = √(2/π) (x + 0.044715 x³) */
const tanhGelu = (x: Value): Value => {
  const root = Math.sqrt(2 / Math.PI);
  const cubed = mul(constant(0.044715), square(x));
  const t = tanh(mul(mul(constant(root), x), add(one, cubed)));
  const inner = mul(constant(root), add(one, mul(constant(3), cubed)));
  const outer = mul(mul(half, x), sub(one, square(t)));
  return add(mul(half, add(one, t)), mul(outer, inner));
};

const gelu: Rule = (g, operation) => {
  const derivative = operation.attributes.approximate === 'tanh' ? tanhGelu : exactGelu;
  return [() => mul(g, derivative(inputOf(operation, 0)))];
};

const choice: Rule = (g, operation) => {
  const [condition, a, b] = [inputOf(operation, 0), inputOf(operation, 1), inputOf(operation, 2)];
  return [
    noGradient,
    () => undoBroadcast(where(condition, g, zero), a.shape),
    () => undoBroadcast(where(condition, zero, g), b.shape),
  ];
};

export const elementwiseRules: Readonly<Record<string, Rule>> = {
  Add: binary(
    (g) => g,
    (g) => g,
  ),
  Sub: binary((g) => g, neg),
  Mul: binary(
    (g, _, b) => mul(g, b),
    (g, a) => mul(g, a),
  ),
  Div: binary(
    (g, _, b) => div(g, b),
    (g, _, b, y) => neg(div(mul(g, y), b)),
  ),
  Max: chosen(greater),
  Min: chosen(less),
  Pow: binary(
    (g, a, b) => where(equal(b, zero), zero, mul(g, mul(b, pow(a, sub(b, one))))),
    // The power of zero does not depend on its exponent, whatever the logarithm says.
    (g, a, _, y) => where(equal(a, zero), zero, mul(g, mul(y, log(a)))),
  ),
  Sqrt: unary((_, y) => div(half, y)),
  Exp: unary((_, y) => y),
  Log: (g, operation) => [() => div(g, inputOf(operation, 0))],
  Erf: unary((x) => mul(constant(2 / Math.sqrt(Math.PI)), exp(neg(square(x))))),
  Tanh: unary((_, y) => sub(one, square(y))),
  Sigmoid: unary((_, y) => mul(y, sub(one, y))),
  Relu: (g, operation) => [() => where(greater(inputOf(operation, 0), zero), g, zero)],
  Softplus: unary((x) => sigmoid(x)),
  Reciprocal: unary((_, y) => neg(square(y))),
  Sin: unary((x) => cos(x)),
  Cos: unary((x) => neg(sin(x))),
  Neg: (g) => [() => neg(g)],
  Abs: (g, operation) => [
    () => {
      const x = inputOf(operation, 0);
      return where(greater(x, zero), g, where(less(x, zero), neg(g), zero));
    },
  ],
  Gelu: gelu,
  Where: choice,
  Identity: (g) => [() => g],
};
