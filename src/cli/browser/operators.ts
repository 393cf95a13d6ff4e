// Every operator that src/onnx has a function for, those included that no model uses yet: a backend that takes them all has a
// kernel for each, and two backends can be compared on each. Left out are four that WebGPU has no kernel for (see the test), and
// dynamic.ts, which is for processors.

import { gemm, matMul } from '../../onnx/contraction.ts';
import * as elementwise from '../../onnx/elementwise.ts';
import { graph } from '../../onnx/graph.ts';
import * as layout from '../../onnx/layout.ts';
import * as reduction from '../../onnx/reduction.ts';
import { constant, input, int32, type Value } from '../../onnx/value.ts';
import * as windows from '../../onnx/windows.ts';
import type { Backend } from '../../runtime/backends/backend.ts';

const x = input('x', 'float32', [3, 4]);
const y = input('y', 'float32', [3, 4]);
const weight = input('weight', 'float32', [4]);

const {
  add,
  sub,
  mul,
  div,
  maximum,
  minimum,
  pow,
  less,
  lessOrEqual,
  greater,
  greaterOrEqual,
  equal,
  sqrt,
  exp,
  log,
  erf,
  tanh,
  sigmoid,
  relu,
  softplus,
  reciprocal,
  neg,
  abs,
  gelu,
  and,
  not,
  where,
  cast,
} = elementwise;
const { reshape, identity, transpose, unsqueeze, squeeze, concat, slice, split, gather, gatherElements } =
  layout;

// One picture of one channel, and two kernels of 2 by 2.
const image = layout.reshape(x, [1, 1, 3, 4]);
const kernel = constant(Float32Array.of(1, -0.5, 0.25, 2), [1, 1, 2, 2]);

const positive = add(abs(x), constant(0.5));
const number = (flag: Value): Value => cast(flag, 'float32');
const places = int32(Int32Array.of(2, 0), [2]);

/** Float32 outputs by the name of the function. `topK`'s places, which are int64, are read as they are. */
const outputs: Readonly<Record<string, Value>> = {
  add: add(x, y),
  sub: sub(x, y),
  mul: mul(x, y),
  div: div(x, positive),
  maximum: maximum(x, y),
  minimum: minimum(x, y),
  pow: pow(positive, constant(1.5)),
  less: number(less(x, y)),
  lessOrEqual: number(lessOrEqual(x, y)),
  greater: number(greater(x, y)),
  greaterOrEqual: number(greaterOrEqual(x, y)),
  equal: number(equal(x, x)),
  sqrt: sqrt(positive),
  exp: exp(x),
  log: log(positive),
  erf: erf(x),
  tanh: tanh(x),
  sigmoid: sigmoid(x),
  relu: relu(x),
  softplus: softplus(x),
  reciprocal: reciprocal(positive),
  neg: neg(x),
  abs: abs(x),
  gelu: gelu(x, 'none'),
  geluTanh: gelu(x, 'tanh'),
  and: number(and(less(x, y), less(x, constant(0.5)))),
  not: number(not(less(x, y))),
  where: where(less(x, y), x, y),
  cast: cast(cast(mul(x, constant(10)), 'int32'), 'float32'),
  reshape: reshape(x, [2, 6]),
  identity: identity(x),
  transpose: transpose(x, [1, 0]),
  unsqueeze: unsqueeze(x, [1]),
  squeeze: squeeze(unsqueeze(x, [1]), [1]),
  concat: concat([x, y], 0),
  slice: slice(x, 1, 1, 3),
  split: split(x, 1, 2)[1] ?? x,
  gather: gather(x, places, 0),
  gatherElements: gatherElements(x, int32(Int32Array.of(3, 0, 1), [3, 1]), 1),
  matMul: matMul(x, transpose(y, [1, 0])),
  gemm: gemm(x, y, { transposeB: true }),
  reduceSum: reduction.reduceSum(x, { axes: [1] }),
  reduceMean: reduction.reduceMean(x),
  reduceMax: reduction.reduceMax(x, { axes: [0] }),
  reduceMin: reduction.reduceMin(x, { axes: [1], keepDimensions: false }),
  reduceLogSumExp: reduction.reduceLogSumExp(x, { axes: [1] }),
  softmax: reduction.softmax(x),
  layerNormalization: reduction.layerNormalization(x, weight, weight, 1e-5),
  rmsNormalization: reduction.rmsNormalization(x, weight, 1e-5),
  topK: reduction.topK(x, 2).values,
  topKPlaces: reduction.topK(x, 2).places,
  cumulativeSum: reduction.cumulativeSum(x, 1),
  cumulativeSumReverse: reduction.cumulativeSum(x, 0, { reverse: true }),
  conv: windows.conv(image, kernel, { pads: [1, 1, 1, 1], strides: [2, 2] }),
};

/** By the names of their functions; three stand twice, for their two forms. */
export const operatorNames: readonly string[] = Object.keys(outputs);

/** Run all of them on fixed numbers. @returns the entries of each output */
export async function runOperators(backend: Backend): Promise<Readonly<Record<string, readonly number[]>>> {
  const data = (step: number, count: number) =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(step * (i + 1)));
  const inputs = {
    x: backend.upload(data(1.3, 12), [3, 4]),
    y: backend.upload(data(0.7, 12), [3, 4]),
    weight: backend.upload(data(2.1, 4), [4]),
  };
  // One by one, so that a refusal is of the operator that it names.
  const found: Record<string, readonly number[]> = {};
  for (const [name, value] of Object.entries(outputs)) {
    const program = await backend.compile(graph({ value })).catch((cause: unknown) => {
      throw new Error(`The operator '${name}' cannot be compiled: ${cause}`, { cause });
    });
    const { value: result } = await program.run(inputs);
    if (!result) throw new Error(`The operator '${name}' gave nothing.`);
    found[name] = [...(await backend.read(result))];
    backend.dispose(result);
    await program.dispose();
  }
  for (const tensor of Object.values(inputs)) backend.dispose(tensor);
  return found;
}
