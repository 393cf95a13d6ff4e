import { describe, expect, test } from 'vitest';
import { gemm, matMul } from '../onnx/contraction.ts';
import * as elementwise from '../onnx/elementwise.ts';
import { graph } from '../onnx/graph.ts';
import * as layout from '../onnx/layout.ts';
import * as reduction from '../onnx/reduction.ts';
import { apply, constant, input, int32, type Shape, ShapeError, type Value } from '../onnx/value.ts';
import { conv, convTranspose, maxPool } from '../onnx/windows.ts';
import { evaluate, type Tensor } from './expected/evaluate.ts';
import { runOnNode } from './expected/runOnNode.ts';
import { differentiable, gradients } from './gradients.ts';

const { add, sub, mul, div, where, less, greater, abs } = elementwise;
const { gather, reshape, slice, transpose, unsqueeze, squeeze, concat } = layout;

/** The sizes that the names in the tests' shapes stand for. */
const sizes: Readonly<Record<string, number>> = { rows: 2, queries: 3, units: 4, keys: 5 };
const concrete = (shape: Shape): number[] =>
  shape.map((size) => (typeof size === 'number' ? size : (sizes[size] ?? Number.NaN)));

/** Numbers between -1.5 and 1.5, no two of a tensor closer than the steps of the differences. */
function numbers(shape: readonly number[], seed: number): Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  return {
    shape,
    data: Float64Array.from({ length: count }, (_, i) => Math.fround(1.5 * Math.sin(seed + 2.399 * (i + 1)))),
  };
}

const x = input('x', 'float32', ['rows', 'queries', 4]);
const y = input('y', 'float32', ['rows', 1, 4]);
const flat = input('flat', 'float32', ['units', 6]);
const square = input('square', 'float32', [4, 4]);
const vector = input('vector', 'float32', [4]);
const picture = input('picture', 'float32', [1, 4, 4, 5]);
const index = input('index', 'int32', ['keys']);
const table = input('table', 'int32', ['rows', 'keys']);
const positive = add(abs(x), constant(0.3));
const integers: Readonly<Record<string, readonly number[]>> = {
  index: [3, 0, 3, 3, 1],
  table: [3, 0, 3, 3, 1, 0, 0, 2, 1, 3],
};

/** What is differentiated, and with respect to which inputs. */
const cases: Readonly<Record<string, readonly [value: Value, ...wrt: Value[]]>> = {
  'add, broadcast': [add(x, y), x, y],
  'add, broadcast from fewer axes': [add(vector, x), vector, x],
  sub: [sub(y, x), x, y],
  mul: [mul(x, y), x, y],
  'mul by itself': [mul(x, x), x],
  div: [div(y, positive), x, y],
  maximum: [elementwise.maximum(x, y), x, y],
  minimum: [elementwise.minimum(x, y), x, y],
  pow: [elementwise.pow(positive, y), x, y],
  sqrt: [elementwise.sqrt(positive), x],
  exp: [elementwise.exp(x), x],
  log: [elementwise.log(positive), x],
  erf: [elementwise.erf(x), x],
  tanh: [elementwise.tanh(x), x],
  sigmoid: [elementwise.sigmoid(x), x],
  relu: [elementwise.relu(x), x],
  softplus: [elementwise.softplus(x), x],
  reciprocal: [elementwise.reciprocal(positive), x],
  neg: [elementwise.neg(x), x],
  abs: [abs(x), x],
  gelu: [elementwise.gelu(x, 'none'), x],
  'gelu by tanh': [elementwise.gelu(x, 'tanh'), x],
  where: [where(less(x, y), mul(x, x), y), x, y],
  'where, a scalar': [where(greater(x, y), constant(2), mul(vector, x)), x, vector],
  matMul: [matMul(x, transpose(x, [0, 2, 1])), x],
  'matMul, one matrix for all': [matMul(x, square), x, square],
  'matMul, leading axes broadcast': [matMul(x, transpose(y, [0, 2, 1])), x, y],
  'matMul, a matrix repeated': [
    matMul(reshape(x, ['rows', 'queries', 1, 4]), unsqueeze(transpose(y, [0, 2, 1]), [1])),
    x,
    y,
  ],
  gemm: [gemm(gemm(flat, square6()), flat, { transposeB: true }), flat],
  'gemm, transposed': [
    gemm(square, square, { transposeA: true, transposeB: true, bias: vector }),
    square,
    vector,
  ],
  'gemm, a transposed': [gemm(square, constant(grid(12), [4, 3]), { transposeA: true }), square],
  'gemm, b transposed': [gemm(constant(grid(12), [3, 4]), square, { transposeB: true }), square],
  reshape: [reshape(x, ['rows', 'queries', 2, 2]), x],
  'reshape that joins named axes': [mul(reshape(x, ['queries*rows', 4]), constant(grid(4), [4])), x],
  transpose: [transpose(x, [2, 0, 1]), x],
  unsqueeze: [mul(unsqueeze(x, [1]), unsqueeze(x, [2])), x],
  squeeze: [mul(squeeze(y, [1]), reduction.reduceSum(x, { axes: [1], keepDimensions: false })), x, y],
  'concat, sizes known': [mul(concat([x, mul(x, x)], 2), constant(grid(8), [8])), x],
  'concat, sizes named': [gather(concat([flat, mul(flat, flat)], 0), index, 0), flat],
  slice: [mul(slice(x, 2, 1, 3), slice(x, 2, 2, 4)), x],
  'slices side by side': [mul(slice(x, 2, 0, 2), slice(x, 2, 2, 4)), x],
  split: [layout.split(x, 2, 4).reduce(mul), x],
  gather: [mul(gather(flat, index, 0), gather(flat, index, 0)), flat],
  'gather by a matrix': [gather(flat, table, 0), flat],
  'gather along the last axis': [gather(x, index, 2), x],
  'gather along a middle axis': [gather(reshape(x, ['rows', 'queries', 4, 1]), index, 2), x],
  'gather from a vector': [gather(vector, index, 0), vector],
  gatherElements: [
    layout.gatherElements(square, int32(Int32Array.of(2, 0, 2, 2, 1, 3, 0, 0), [2, 4]), 0),
    square,
  ],
  'gatherElements along the last axis': [
    layout.gatherElements(square, int32(Int32Array.of(2, 0, 1, 3), [4, 1]), 1),
    square,
  ],
  reduceSum: [reduction.reduceSum(mul(x, x), { axes: [0, 2], keepDimensions: false }), x],
  'reduceSum of all': [reduction.reduceSum(mul(x, x)), x],
  reduceMean: [mul(x, reduction.reduceMean(x, { axes: [1] })), x],
  'reduceMean over a known axis': [mul(x, reduction.reduceMean(x, { axes: [-1] })), x],
  reduceMax: [mul(x, reduction.reduceMax(x, { axes: [2] })), x],
  reduceMin: [reduction.reduceMin(x, { axes: [0, 1], keepDimensions: false }), x],
  reduceLogSumExp: [mul(x, reduction.reduceLogSumExp(x, { axes: [2] })), x],
  softmax: [reduction.softmax(x), x],
  'softmax along another axis': [reduction.softmax(x, 1), x],
  layerNormalization: [reduction.layerNormalization(x, vector, vector, 1e-2), x, vector],
  'layerNormalization without bias': [reduction.layerNormalization(x, vector, undefined, 1e-2), x, vector],
  rmsNormalization: [reduction.rmsNormalization(x, vector, 1e-2), x, vector],
  topK: [reduction.topK(x, 2).values, x],
  cumulativeSum: [reduction.cumulativeSum(mul(x, x), 1), x],
  'cumulativeSum from the end': [reduction.cumulativeSum(mul(x, x), 2, { reverse: true }), x],
  sin: [elementwise.sin(x), x],
  cos: [elementwise.cos(x), x],
  conv: [conv(picture, kernel(3, 4, 3, 2), { bias: constant(grid(3), [3]) }), picture],
  'conv, strides that leave a rest, pads and dilations': [
    conv(picture, kernel(2, 4, 2, 3), { strides: [2, 3], pads: [1, 0, 0, 2], dilations: [2, 1] }),
    picture,
  ],
  'conv by groups, and its bias': [
    conv(picture, kernel(4, 2, 2, 2), { group: 2, bias: vector }),
    picture,
    vector,
  ],
  'conv along one axis': [conv(reshape(picture, [1, 4, 20]), kernel(2, 4, 3), { strides: [2] }), picture],
  convTranspose: [
    convTranspose(picture, kernel(4, 3, 2, 3), {
      strides: [2, 1],
      pads: [1, 0, 0, 1],
      outputPadding: [1, 0],
    }),
    picture,
  ],
  'convTranspose by groups': [
    convTranspose(picture, kernel(4, 1, 2, 2), { group: 2, dilations: [1, 2] }),
    picture,
  ],
  maxPool: [maxPool(picture, [2, 3]), picture],
  'maxPool, windows that overlap and are padded': [
    maxPool(picture, [3, 2], { strides: [2, 1], pads: [1, 1, 1, 0], dilations: [1, 2] }),
    picture,
  ],
  'a value that two paths lead to': [
    mul(elementwise.tanh(x), add(x, elementwise.exp(elementwise.tanh(x)))),
    x,
  ],
};

function grid(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.cos(i));
}
function kernel(...shape: number[]): Value {
  return constant(grid(shape.reduce((a, b) => a * b)), shape);
}
function square6(): Value {
  return constant(grid(36), [6, 6]);
}

const given: Readonly<Record<string, Tensor>> = Object.fromEntries(
  [x, y, flat, square, vector, picture, index, table].map((value, seed) => {
    const name = value.origin.kind === 'input' ? value.origin.name : '';
    const shape = concrete(value.shape);
    const whole = integers[name];
    return [name, whole ? { shape, data: Float64Array.from(whole) } : numbers(shape, seed + 1)];
  }),
);

/** Of Σ gradient · value with respect to one input, by central differences. */
function differences(value: Value, gradient: Tensor, name: string): Float64Array {
  const at = given[name];
  if (!at) throw new Error(`No input '${name}'.`);
  const objective = (data: Float64Array): number => {
    const { value: found } = evaluate({ value }, { ...given, [name]: { shape: at.shape, data } });
    return (found?.data ?? new Float64Array()).reduce((sum, v, i) => sum + v * (gradient.data[i] ?? 0), 0);
  };
  const step = 1e-5;
  return at.data.map((_, i) => {
    const moved = (by: number) => objective(at.data.map((v, k) => (k === i ? v + by : v)));
    return (moved(step) - moved(-step)) / (2 * step);
  });
}

function nameOf(value: Value): string {
  if (value.origin.kind !== 'input') throw new Error('not an input');
  return value.origin.name;
}

describe('the gradient is what finite differences give, on the runtime too', () => {
  test.each(Object.keys(cases))('%s', async (name) => {
    const [value, ...wrt] = cases[name] ?? [x];
    const { value: plain } = evaluate({ value }, given);
    const seed = numbers(plain?.shape ?? [], 77);
    // The sizes of the value are names, so its gradient is an input.
    const gradient = input('gradient', 'float32', value.shape);
    const found = gradients([{ value, gradient }], wrt);
    const named = Object.fromEntries(
      wrt.map((of, i) => {
        const result = found[i];
        if (!result) throw new Error(`no gradient of ${nameOf(of)}`);
        expect(result.shape).toEqual(of.shape);
        return [`of ${nameOf(of)}`, result];
      }),
    );
    const inputs = { ...given, gradient: seed };
    const exact = evaluate(named, inputs);
    const onNode = await runOnNode(graph(named), inputs);
    for (const of of wrt) {
      const key = `of ${nameOf(of)}`;
      const expected = differences(value, seed, nameOf(of));
      expect(exact[key]?.shape).toEqual(concrete(of.shape));
      expected.forEach((want, i) => {
        expect(Math.abs((exact[key]?.data[i] ?? Number.NaN) - want)).toBeLessThan(
          1e-7 * (1 + Math.abs(want)),
        );
        expect(Math.abs((onNode[key]?.[i] ?? Number.NaN) - want)).toBeLessThan(2e-5 * (1 + Math.abs(want)));
      });
    }
  });

  test('every operator with a gradient is among them', () => {
    const tested = Object.values(cases).flatMap(([value]) => graph({ value }).operations.map(({ op }) => op));
    const missing = differentiable.filter((op) => op !== 'Identity' && !tested.includes(op));
    expect(missing).toEqual([]);
  });
});

test('every operator that makes numbers of numbers has a gradient', () => {
  const known = new Set(differentiable);
  const carries = [elementwise, layout, reduction].flatMap((file) => Object.keys(file));
  const without = carries.filter((name) => {
    const op = name.charAt(0).toUpperCase() + name.slice(1);
    const renamed: Readonly<Record<string, string>> = {
      Maximum: 'Max',
      Minimum: 'Min',
      CumulativeSum: 'CumSum',
      RmsNormalization: 'RMSNormalization',
      Split: 'Slice',
    };
    return !known.has(renamed[op] ?? op);
  });
  expect(without).toEqual([
    'less',
    'lessOrEqual',
    'greater',
    'greaterOrEqual',
    'equal',
    'and',
    'not',
    'cast',
  ]);
});

describe('where operands meet, the gradient is the one that PyTorch gives', () => {
  // torch: a = tensor([1., 2.], requires_grad=True); b = tensor([1., 0.]); torch.maximum(a, b).sum().backward(); a.grad
  const a = input('a', 'float32', [2]);
  const of = (value: Value) => {
    const [result] = gradients([{ value, gradient: constant(Float32Array.of(1, 1), [2]) }], [a]);
    if (!result) throw new Error('no gradient');
    return (data: readonly number[]) => [
      ...(evaluate({ result }, { a: { shape: [2], data: Float64Array.from(data) } }).result?.data ?? []),
    ];
  };
  const b = constant(Float32Array.of(1, 0), [2]);
  test('maximum and minimum of equals share it', () => {
    expect(of(elementwise.maximum(a, b))([1, 2])).toEqual([0.5, 1]);
    expect(of(elementwise.minimum(a, b))([1, 2])).toEqual([0.5, 0]);
  });
  test('relu and abs are flat at zero', () => {
    expect(of(elementwise.relu(a))([0, 2])).toEqual([0, 1]);
    expect(of(abs(a))([0, -2])).toEqual([0, -1]);
  });
  test('the largest of equals shares it', () => {
    const ones = constant(Float32Array.of(1, 1), [2]);
    // torch: a = tensor([3., 3.], requires_grad=True); (a.amax() * tensor([1., 1.])).sum().backward(); a.grad
    expect(of(mul(reduction.reduceMax(a), ones))([3, 3])).toEqual([1, 1]);
  });
  test('the first of the largest in a window has it alone', () => {
    // torch: a = tensor([[[3., 3.]]], requires_grad=True); F.max_pool1d(a, 2).sum().backward(); a.grad
    const pooled = reshape(maxPool(reshape(a, [1, 1, 2]), [2]), [1]);
    expect(of(mul(pooled, constant(Float32Array.of(1, 1), [2])))([3, 3])).toEqual([2, 0]);
  });
  test('the power of zero does not depend on its exponent, nor its exponent zero on what is raised', () => {
    const zeroth = constant(Float32Array.of(0, 2), [2]);
    expect(of(elementwise.pow(a, zeroth))([0, 3])).toEqual([0, 6]);
    expect(of(elementwise.pow(constant(Float32Array.of(0, 2), [2]), a))([2, 1])).toEqual([
      0,
      2 * Math.log(2),
    ]);
  });
});

test('layers in a row have the gradient that PyTorch computes', () => {
  // torch.set_default_dtype(torch.float64)
  // x = torch.tensor([[0.5, -1.0, 2.0, 0.25], [1.5, 0.75, -0.5, -2.0]], requires_grad=True)
  // w = torch.tensor([1.0, -0.5, 2.0, 0.25], requires_grad=True)
  // h = F.gelu(F.layer_norm(x, [4], w, w, 1e-5), approximate='tanh') * F.silu(F.rms_norm(x, [4], w, 1e-5))
  // h = torch.softmax(h @ x.T, -1) @ x
  // F.cross_entropy(h, torch.tensor([2, 0])).backward(); x.grad; w.grad
  const a = input('a', 'float32', [2, 4]);
  const w = input('w', 'float32', [4]);
  const normal = elementwise.gelu(reduction.layerNormalization(a, w, w, 1e-5), 'tanh');
  const root = reduction.rmsNormalization(a, w, 1e-5);
  const h = mul(normal, mul(root, elementwise.sigmoid(root)));
  const mixed = matMul(reduction.softmax(gemm(h, a, { transposeB: true })), a);
  const right = layout.gatherElements(mixed, int32(Int32Array.of(2, 0), [2, 1]), 1);
  const loss = reduction.reduceMean(sub(reduction.reduceLogSumExp(mixed, { axes: [1] }), right));
  const one = constant(Float32Array.of(1), [1, 1]);
  const [ofA = loss, ofW = loss] = gradients([{ value: loss, gradient: one }], [a, w]);
  const inputs = {
    a: { shape: [2, 4], data: Float64Array.of(0.5, -1.0, 2.0, 0.25, 1.5, 0.75, -0.5, -2.0) },
    w: { shape: [4], data: Float64Array.of(1.0, -0.5, 2.0, 0.25) },
  };
  const found = evaluate({ loss, ofA, ofW }, inputs);
  const isNear = (data: Float64Array | undefined, expected: readonly number[]) => {
    expect(data?.length).toBe(expected.length);
    // The constants of the graph are float32.
    for (const [i, want] of expected.entries())
      expect(Math.abs((data?.[i] ?? Number.NaN) - want)).toBeLessThan(1e-8);
  };
  isNear(found.loss?.data, [0.43778308579]);
  isNear(
    found.ofA?.data,
    [
      0.077315936059, 0.026851956574, -0.152994089097, 0.06092405145, -0.207390909181, 0.131194520602,
      0.049992762034, 0.006514932639,
    ],
  );
  isNear(found.ofW?.data, [-0.033380327311, 0.000408741662, -0.004910367297, 0.000932968082]);
});

describe('gradients', () => {
  test('have a total of their own where one value lies on the way to another', () => {
    const middle = mul(vector, constant(3));
    const value = mul(middle, middle);
    const ones = constant(Float32Array.of(1, 1, 1, 1), [4]);
    const [ofMiddle, ofVector] = gradients([{ value, gradient: ones }], [middle, vector]);
    if (!ofMiddle || !ofVector) throw new Error('no gradient');
    const data = Float64Array.of(1, 2, 3, 4);
    const found = evaluate({ ofMiddle, ofVector }, { vector: { shape: [4], data } });
    expect([...(found.ofMiddle?.data ?? [])]).toEqual([6, 12, 18, 24]);
    expect([...(found.ofVector?.data ?? [])]).toEqual([18, 36, 54, 72]);
  });

  test('of several seeds are added', () => {
    const ones = constant(Float32Array.of(1, 1, 1, 1), [4]);
    const seeds = [
      { value: mul(vector, vector), gradient: ones },
      { value: vector, gradient: ones },
      { value: vector, gradient: ones },
    ];
    const [result] = gradients(seeds, [vector]);
    if (!result) throw new Error('no gradient');
    const data = Float64Array.of(1, 2, 3, 4);
    const found = evaluate({ result }, { vector: { shape: [4], data } });
    expect([...(found.result?.data ?? [])]).toEqual([4, 6, 8, 10]);
  });

  test('do not exist where nothing depends', () => {
    expect(gradients([{ value: mul(x, x), gradient: x }], [vector])).toEqual([undefined]);
    const indices = elementwise.cast(vector, 'int32');
    const taken = gather(square, indices, 0);
    expect(gradients([{ value: taken, gradient: taken }], [vector])).toEqual([undefined]);
  });

  test('visit a shared part once: a chain of squares grows by as many operations as it has links', () => {
    const links = 30;
    let value = vector;
    for (let i = 0; i < links; i++) value = add(value, value);
    const [result] = gradients([{ value, gradient: vector }], [vector]);
    expect(graph({ result: result ?? x }).operations.length).toBe(links);
  });

  test('stop at an operator without a rule, and name it', () => {
    const unknown = apply('Round', [x], {}, 'float32', x.shape);
    expect(() => gradients([{ value: mul(unknown, x), gradient: x }], [x])).toThrow(ShapeError);
    expect(() => gradients([{ value: mul(unknown, x), gradient: x }], [x])).toThrow(
      "The operator 'Round' has no gradient. Known: Add, ",
    );
    // Not on the way.
    expect(gradients([{ value: mul(unknown, vector), gradient: x }], [vector])[0]?.shape).toEqual([4]);
  });

  test('refuse a gradient that does not fit, and a value of integers', () => {
    expect(() => gradients([{ value: x, gradient: y }], [x])).toThrow('does not fit the value');
    expect(() => gradients([{ value: x, gradient: x }], [index])).toThrow('only float32 has one');
  });
});
