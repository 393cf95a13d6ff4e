// Operators that act entry by entry, with broadcasting. Sign, Round, Mod, Or and Xor are left out: onnxruntime-web has
// no WebGPU kernel for them and would fetch the tensor to the CPU without a word.

import { broadcastShapes } from './dimension.ts';
import { apply, type Dtype, describeValue, expectDtype, ShapeError, type Value } from './value.ts';

function unary(op: string, x: Value): Value {
  expectDtype(op, x, 'float32');
  return apply(op, [x], {}, x.dtype, x.shape);
}

function binary(op: string, a: Value, b: Value, result?: Dtype): Value {
  expectDtype(op, a, 'float32', 'int32');
  if (a.dtype !== b.dtype)
    throw new ShapeError(`${op}: dtypes differ: ${describeValue(a)} and ${describeValue(b)}`);
  return apply(op, [a, b], {}, result ?? a.dtype, broadcastShapes(op, a.shape, b.shape));
}

export const add = (a: Value, b: Value): Value => binary('Add', a, b);
export const sub = (a: Value, b: Value): Value => binary('Sub', a, b);
export const mul = (a: Value, b: Value): Value => binary('Mul', a, b);
export const div = (a: Value, b: Value): Value => binary('Div', a, b);
export const maximum = (a: Value, b: Value): Value => binary('Max', a, b);
export const minimum = (a: Value, b: Value): Value => binary('Min', a, b);
export const pow = (a: Value, b: Value): Value => binary('Pow', a, b);

export const less = (a: Value, b: Value): Value => binary('Less', a, b, 'bool');
export const lessOrEqual = (a: Value, b: Value): Value => binary('LessOrEqual', a, b, 'bool');
export const greater = (a: Value, b: Value): Value => binary('Greater', a, b, 'bool');
export const greaterOrEqual = (a: Value, b: Value): Value => binary('GreaterOrEqual', a, b, 'bool');
export const equal = (a: Value, b: Value): Value => binary('Equal', a, b, 'bool');

export const sqrt = (x: Value): Value => unary('Sqrt', x);
export const exp = (x: Value): Value => unary('Exp', x);
export const log = (x: Value): Value => unary('Log', x);
export const erf = (x: Value): Value => unary('Erf', x);
export const tanh = (x: Value): Value => unary('Tanh', x);
export const sigmoid = (x: Value): Value => unary('Sigmoid', x);
export const relu = (x: Value): Value => unary('Relu', x);
export const softplus = (x: Value): Value => unary('Softplus', x);
export const reciprocal = (x: Value): Value => unary('Reciprocal', x);
export const sin = (x: Value): Value => unary('Sin', x);
export const cos = (x: Value): Value => unary('Cos', x);

export function neg(x: Value): Value {
  expectDtype('Neg', x, 'float32', 'int32');
  return apply('Neg', [x], {}, x.dtype, x.shape);
}

export function abs(x: Value): Value {
  expectDtype('Abs', x, 'float32', 'int32');
  return apply('Abs', [x], {}, x.dtype, x.shape);
}

/** Gaussian error linear unit, exact or with the tanh approximation. */
export function gelu(x: Value, approximate: 'none' | 'tanh'): Value {
  expectDtype('Gelu', x, 'float32');
  return apply('Gelu', [x], { approximate }, x.dtype, x.shape);
}

export function and(a: Value, b: Value): Value {
  expectDtype('And', a, 'bool');
  expectDtype('And', b, 'bool');
  return apply('And', [a, b], {}, 'bool', broadcastShapes('And', a.shape, b.shape));
}

export function not(x: Value): Value {
  expectDtype('Not', x, 'bool');
  return apply('Not', [x], {}, 'bool', x.shape);
}

/** `condition ? a : b`, entry by entry; all three broadcast. */
export function where(condition: Value, a: Value, b: Value): Value {
  expectDtype('Where', condition, 'bool');
  expectDtype('Where', a, 'float32', 'int32');
  if (a.dtype !== b.dtype)
    throw new ShapeError(`Where: dtypes differ: ${describeValue(a)} and ${describeValue(b)}`);
  const shape = broadcastShapes('Where', broadcastShapes('Where', condition.shape, a.shape), b.shape);
  return apply('Where', [condition, a, b], {}, a.dtype, shape);
}

/** ONNX's numbers for the dtypes that are cast to. */
const castTargets = { float32: 1, int32: 6, bool: 9 } as const;

export function cast(x: Value, to: keyof typeof castTargets): Value {
  if (x.dtype === to) return x;
  return apply('Cast', [x], { to: castTargets[to] }, to, x.shape);
}
