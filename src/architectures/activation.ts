// Activation functions by the names that configurations use.

import { gelu, mul, relu, sigmoid, tanh } from '../onnx/elementwise.ts';
import { constant, type Value } from '../onnx/value.ts';
import { UnsupportedModelError } from './architecture.ts';

export type Activation = (x: Value) => Value;

const tanhGelu = (x: Value): Value => gelu(x, 'tanh');
const exactGelu = (x: Value): Value => gelu(x, 'none');
const silu = (x: Value): Value => mul(x, sigmoid(x));
const reluSquared = (x: Value): Value => {
  const positive = relu(x);
  return mul(positive, positive);
};

const functions: Readonly<Record<string, Activation>> = {
  gelu: exactGelu,
  gelu_python: exactGelu,
  gelu_new: tanhGelu,
  gelu_fast: tanhGelu,
  gelu_pytorch_tanh: tanhGelu,
  gelu_python_tanh: tanhGelu,
  gelu_accurate: tanhGelu,
  quick_gelu: (x) => mul(x, sigmoid(mul(constant(1.702), x))),
  linear: (x) => x,
  relu,
  relu2: reluSquared,
  sigmoid,
  silu,
  swish: silu,
  tanh,
};

/** @throws UnsupportedModelError listing the known names */
export function activation(name: string): Activation {
  const found = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (!found) {
    throw new UnsupportedModelError(
      `Activation function '${name}' is not supported. Known: ${Object.keys(functions).join(', ')}.`,
    );
  }
  return found;
}
