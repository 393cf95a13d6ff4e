// Nodes that act entry by entry, as formulas of the engine's operators. Where pieces of a function meet, the choice is
// PyTorch's: the bounds of a clip pass the gradient on, the corners of the relus belong to what is below them.

import * as e from '../../onnx/elementwise.ts';
import { constant, type Value } from '../../onnx/value.ts';
import type { NodeScope, Translate } from './nodeScope.ts';

const { add, div, exp, greater, less, mul, sub, where } = e;

const zero = constant(0);
const one = constant(1);

const unary =
  (formula: (x: Value, scope: NodeScope) => Value): Translate =>
  (scope) =>
    formula(scope.value(0), scope);

const binary =
  (formula: (a: Value, b: Value) => Value): Translate =>
  (scope) =>
    formula(scope.value(0), scope.value(1));

const folded =
  (formula: (a: Value, b: Value) => Value): Translate =>
  (scope) =>
    scope.values().reduce(formula);

/** x between two bounds, either of which may be left out. */
function clipped(x: Value, low: Value | undefined, high: Value | undefined): Value {
  const above = low ? where(less(x, low), low, x) : x;
  return high ? where(greater(x, high), high, above) : above;
}

const clip: Translate = (scope) => {
  const bound = (name: string, index: number): Value | undefined => {
    if (scope.node.attributes.has(name)) return constant(scope.float(name, 0));
    return scope.has(index) ? scope.value(index) : undefined;
  };
  return clipped(scope.value(0), bound('min', 1), bound('max', 2));
};

const hardSigmoid = (x: Value, slope: number, offset: number): Value =>
  clipped(add(mul(constant(slope), x), constant(offset)), zero, one);

/** x where it is above zero, else f, as at zero; f is only asked for what is not above, so that it cannot overflow. */
const bentBelow = (x: Value, f: (below: Value) => Value): Value =>
  where(greater(x, zero), x, f(where(greater(x, zero), zero, x)));

const leaky = (x: Value, slope: Value): Value => where(greater(x, zero), x, mul(slope, x));

const swish = (x: Value, factor: number): Value =>
  mul(x, e.sigmoid(factor === 1 ? x : mul(constant(factor), x)));

const lessOne = (x: Value): Value => sub(exp(x), one);

/** ONNX's own operators, of all versions. */
export const elementwiseNodes: Readonly<Record<string, Translate>> = {
  Add: binary(add),
  Sub: binary(sub),
  Mul: binary(mul),
  Div: binary(div),
  Pow: binary(e.pow),
  Sum: folded(add),
  Max: folded(e.maximum),
  Min: folded(e.minimum),
  Mean: (scope) => mul(scope.values().reduce(add), constant(1 / scope.count)),
  Sqrt: unary(e.sqrt),
  Exp: unary(exp),
  Log: unary(e.log),
  Erf: unary(e.erf),
  Tanh: unary(e.tanh),
  Sigmoid: unary(e.sigmoid),
  Relu: unary(e.relu),
  Softplus: unary(e.softplus),
  Reciprocal: unary(e.reciprocal),
  Neg: unary(e.neg),
  Abs: unary(e.abs),
  Sin: unary(e.sin),
  Cos: unary(e.cos),
  Identity: unary((x) => x),
  Dropout: unary((x) => x),
  // Only casts to floating-point numbers come here; they are all float32 in the gradient's graph.
  Cast: unary((x) => x),
  CastLike: unary((x) => x),
  Clip: clip,
  Gelu: unary((x, scope) => e.gelu(x, scope.text('approximate', 'none') === 'tanh' ? 'tanh' : 'none')),
  HardSigmoid: unary((x, scope) => hardSigmoid(x, scope.float('alpha', 0.2), scope.float('beta', 0.5))),
  HardSwish: unary((x) => mul(x, hardSigmoid(x, 1 / 6, 0.5))),
  Swish: unary((x, scope) => swish(x, scope.float('alpha', 1))),
  Mish: unary((x) => mul(x, e.tanh(e.softplus(x)))),
  Softsign: unary((x) => div(x, add(one, e.abs(x)))),
  LeakyRelu: unary((x, scope) => leaky(x, constant(scope.float('alpha', 0.01)))),
  PRelu: binary(leaky),
  ThresholdedRelu: unary((x, scope) => where(greater(x, constant(scope.float('alpha', 1))), x, zero)),
  Elu: unary((x, scope) => bentBelow(x, (below) => mul(constant(scope.float('alpha', 1)), lessOne(below)))),
  Selu: unary((x, scope) => {
    const alpha = constant(scope.float('alpha', 1.6732631921768188));
    return mul(
      constant(scope.float('gamma', 1.0507010221481323)),
      bentBelow(x, (below) => mul(alpha, lessOne(below))),
    );
  }),
  Celu: unary((x, scope) => {
    const alpha = constant(scope.float('alpha', 1));
    return bentBelow(x, (below) => mul(alpha, lessOne(div(below, alpha))));
  }),
  Where: (scope) => where(scope.truths(0), scope.value(1), scope.value(2)),
};

const withBias = (scope: NodeScope): Value =>
  scope.has(1) ? add(scope.value(0), scope.value(1)) : scope.value(0);

/** Those that ONNX Runtime has beside them. */
export const microsoftElementwise: Readonly<Record<string, Translate>> = {
  Gelu: unary((x) => e.gelu(x, 'none')),
  BiasGelu: (scope) => e.gelu(withBias(scope), 'none'),
  FastGelu: (scope) => e.gelu(withBias(scope), 'tanh'),
  QuickGelu: unary((x, scope) => swish(x, scope.float('alpha', 1.702))),
};
