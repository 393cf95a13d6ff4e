// Operators of files, one at a time: the gradient against central differences of the file's own run. That the operator is
// computed as the runtime computes it is checked by every run of a gradient.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memorySource } from '../../checkpoint/sources/byteSource.ts';
import { mul } from '../../onnx/elementwise.ts';
import { reduceSum } from '../../onnx/reduction.ts';
import type { AttributeValue } from '../../onnx/value.ts';
import { floats, onnxBytes } from '../fixtures/smallOnnx.ts';
import { plainNode, writtenAttribute } from '../formulaNodes.ts';
import { ImportedModel } from '../importedModel.ts';
import { createNodeRuntime } from '../nodeRuntime.ts';
import type { OnnxNode } from '../onnxFile.ts';
import type { OnnxRuntime } from '../runtime.ts';
import { sizeOf, type Tensor, tensorFrom } from '../tensor.ts';
import { elementwiseNodes, microsoftElementwise } from './elementwiseNodes.ts';
import { layoutNodes } from './layoutNodes.ts';
import type { ObjectiveTerm } from './objective.ts';
import { microsoftReductions, reductionNodes } from './reductionNodes.ts';
import { windowNodes } from './windowNodes.ts';

let runtime: OnnxRuntime;
beforeAll(async () => {
  runtime = await createNodeRuntime(1);
});
afterAll(async () => {
  expect(runtime.liveSessions).toBe(0);
  await runtime.close();
});

const wave = (count: number, seed: number): readonly number[] =>
  Array.from({ length: count }, (_, at) => 1.3 * Math.sin(seed + 2.399 * (at + 1)));

/** No two closer than 0.04, none close to where a function of the tests bends. */
const spaced = (shape: readonly number[]): Tensor =>
  tensorFrom('float32', shape, (at) => (((37 * at) % 61) / 61) * 2.54 - 1.27);

const numbers = (shape: readonly number[], seed: number): Tensor => floats(shape, wave(sizeOf(shape), seed));
const integers = (...values: readonly number[]): Tensor =>
  tensorFrom('int64', [values.length], (at) => values[at] ?? 0);

interface Case {
  readonly op: string;
  readonly domain?: string;
  readonly shape?: readonly number[];
  /** Operands behind the first; null where one is left out. */
  readonly operands?: readonly (Tensor | null)[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly opset?: number;
  readonly outputs?: number;
  /** Entries are made positive. */
  readonly isPositive?: boolean;
}

const general = [2, 3, 4];
const picture = [1, 2, 5, 6];
const float = (value: number) => ({ float: value });
const scalar = (value: number): Tensor => floats([], [value]);

const cases: Readonly<Record<string, Case>> = {
  ...Object.fromEntries(
    [
      ...['Erf', 'Tanh', 'Sigmoid', 'Relu', 'Softplus', 'Neg', 'Abs', 'Sin', 'Cos', 'Exp', 'Softsign'],
      ...['HardSwish', 'HardSigmoid', 'LeakyRelu', 'ThresholdedRelu', 'Elu', 'Selu', 'Celu', 'Mish'],
      ...['Dropout', 'LogSoftmax', 'Softmax', 'GlobalAveragePool', 'GlobalMaxPool', 'LpNormalization'],
    ].map((op) => [op, { op, opset: 18 }]),
  ),
  ...Object.fromEntries(['Sqrt', 'Log', 'Reciprocal'].map((op) => [op, { op, isPositive: true }])),
  ...Object.fromEntries(
    ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum', 'Mean'].map((op) => [
      `${op}, broadcast`,
      { op, operands: [numbers([3, 1], 4)] },
    ]),
  ),
  'Pow, an even power of negative numbers': { op: 'Pow', operands: [scalar(2)] },
  'Pow, a whole number as the exponent': { op: 'Pow', operands: [tensorFrom('int64', [], () => 3)] },
  Gelu: { op: 'Gelu', opset: 20 },
  'Gelu by tanh': { op: 'Gelu', opset: 20, attributes: { approximate: 'tanh' } },
  'Clip by operands': { op: 'Clip', operands: [scalar(-0.55), scalar(0.72)] },
  'Clip, no lower bound': { op: 'Clip', operands: [null, scalar(0.3)] },
  'Clip by attributes': { op: 'Clip', opset: 10, attributes: { min: float(-0.32), max: float(0.92) } },
  PRelu: { op: 'PRelu', operands: [numbers([3, 1], 2)] },
  Where: { op: 'Where', operands: [] },
  Cast: { op: 'Cast', attributes: { to: 1 } },
  Identity: { op: 'Identity' },
  Reshape: { op: 'Reshape', operands: [integers(0, -1)] },
  Flatten: { op: 'Flatten', attributes: { axis: 2 } },
  Transpose: { op: 'Transpose', attributes: { perm: [1, 2, 0] } },
  'Transpose, turned round': { op: 'Transpose' },
  Squeeze: { op: 'Squeeze', shape: [2, 1, 4, 1], operands: [integers(-1)] },
  'Squeeze by an attribute': { op: 'Squeeze', shape: [2, 1, 4], opset: 11, attributes: { axes: [1] } },
  Unsqueeze: { op: 'Unsqueeze', operands: [integers(0, -1)] },
  'Slice, steps and ends past the end': {
    op: 'Slice',
    operands: [integers(-1, 0), integers(-100, 2 ** 62), integers(-1, 0), integers(-2, 1)],
  },
  'Slice by attributes': { op: 'Slice', opset: 9, attributes: { starts: [1], ends: [3], axes: [1] } },
  'Split by sizes': { op: 'Split', operands: [integers(1, 3)], attributes: { axis: -1 }, outputs: 2 },
  'Split in equal parts': { op: 'Split', opset: 11, attributes: { axis: 2 }, outputs: 2 },
  Tile: { op: 'Tile', operands: [integers(2, 1, 2)] },
  'Pad with a number': { op: 'Pad', operands: [integers(0, 1, 0, 1, 0, 2), scalar(0.5)] },
  'Pad by mirroring': { op: 'Pad', operands: [integers(0, 1, 2, 0, 0, 1)], attributes: { mode: 'reflect' } },
  'Pad by the ends': { op: 'Pad', operands: [integers(0, 1, 2, 0, 0, 1)], attributes: { mode: 'edge' } },
  'Trilu, the lower': { op: 'Trilu', attributes: { upper: 0 } },
  'Trilu, the upper from a diagonal on': { op: 'Trilu', operands: [tensorFrom('int64', [], () => 1)] },
  DepthToSpace: { op: 'DepthToSpace', shape: [1, 8, 2, 3], attributes: { blocksize: 2 } },
  'DepthToSpace, channels first': {
    op: 'DepthToSpace',
    shape: [1, 8, 2, 3],
    attributes: { blocksize: 2, mode: 'CRD' },
  },
  SpaceToDepth: { op: 'SpaceToDepth', shape: [1, 2, 4, 6], attributes: { blocksize: 2 } },
  Concat: { op: 'Concat', operands: [numbers([2, 1, 4], 3)], attributes: { axis: -2 } },
  Expand: { op: 'Expand', shape: [2, 1, 4], operands: [integers(3, 1)] },
  'Gather, places from the end': { op: 'Gather', operands: [integers(-1, 0, -1)], attributes: { axis: 1 } },
  'Gather, a place that is a number': {
    op: 'Gather',
    operands: [tensorFrom('int64', [], () => 2)],
    attributes: { axis: 2 },
  },
  GatherElements: {
    op: 'GatherElements',
    operands: [tensorFrom('int64', [2, 3, 2], (at) => (at % 5) - 1)],
    attributes: { axis: 2 },
  },
  MatMul: { op: 'MatMul', operands: [numbers([4, 5], 3)] },
  'MatMul by a vector': { op: 'MatMul', operands: [numbers([4], 3)] },
  'Gemm, factors and a bias': {
    op: 'Gemm',
    shape: [4, 3],
    operands: [numbers([5, 4], 3), numbers([1, 5], 2)],
    attributes: { transA: 1, transB: 1, alpha: float(0.5), beta: float(2) },
  },
  ...Object.fromEntries(
    ['Mean', 'Sum', 'Max', 'Min', 'L1', 'L2', 'SumSquare', 'LogSumExp'].map((name) => [
      `Reduce${name}`,
      { op: `Reduce${name}`, operands: [integers(-1, 0)], opset: 18, attributes: { keepdims: 0 } },
    ]),
  ),
  'ReduceMean by an attribute': { op: 'ReduceMean', opset: 13, attributes: { axes: [1] } },
  'ReduceLogSum of all': { op: 'ReduceLogSum', opset: 18, isPositive: true },
  'Softmax of old, over all axes from one on': { op: 'Softmax', opset: 11, attributes: { axis: 1 } },
  'Softmax along another axis': { op: 'Softmax', attributes: { axis: 1 } },
  LayerNormalization: { op: 'LayerNormalization', operands: [numbers([4], 2), numbers([4], 5)] },
  'LayerNormalization over two axes': {
    op: 'LayerNormalization',
    operands: [numbers([3, 4], 2)],
    attributes: { axis: 1, epsilon: float(0.01) },
  },
  RMSNormalization: { op: 'RMSNormalization', operands: [numbers([4], 2)], opset: 23 },
  BatchNormalization: {
    op: 'BatchNormalization',
    shape: picture,
    operands: [numbers([2], 1), numbers([2], 2), numbers([2], 3), floats([2], [0.4, 1.7])],
  },
  InstanceNormalization: {
    op: 'InstanceNormalization',
    shape: picture,
    operands: [numbers([2], 1), numbers([2], 2)],
  },
  GroupNormalization: {
    op: 'GroupNormalization',
    shape: [1, 4, 3, 2],
    opset: 21,
    operands: [numbers([4], 1), numbers([4], 2)],
    attributes: { num_groups: 2 },
  },
  CumSum: { op: 'CumSum', operands: [tensorFrom('int64', [], () => 1)], attributes: { reverse: 1 } },
  'Conv, padded to the same size': {
    op: 'Conv',
    shape: picture,
    operands: [numbers([3, 2, 3, 3], 1), numbers([3], 2)],
    attributes: { auto_pad: 'SAME_UPPER', strides: [2, 2] },
  },
  'Conv by groups': {
    op: 'Conv',
    shape: picture,
    operands: [numbers([4, 1, 2, 2], 1)],
    attributes: { group: 2, pads: [1, 0, 0, 1], dilations: [1, 2] },
  },
  ConvTranspose: {
    op: 'ConvTranspose',
    shape: picture,
    operands: [numbers([2, 3, 2, 3], 1), numbers([3], 2)],
    attributes: { strides: [2, 1], pads: [0, 1, 1, 0], output_padding: [1, 0] },
  },
  'MaxPool, sizes rounded up': {
    op: 'MaxPool',
    shape: picture,
    attributes: { kernel_shape: [2, 3], strides: [2, 2], ceil_mode: 1 },
  },
  'MaxPool, padded': {
    op: 'MaxPool',
    shape: picture,
    attributes: { kernel_shape: [3, 3], strides: [1, 2], pads: [1, 1, 1, 1] },
  },
  AveragePool: {
    op: 'AveragePool',
    shape: picture,
    attributes: { kernel_shape: [2, 3], strides: [2, 2], pads: [0, 1, 1, 1] },
  },
  'AveragePool, padding counted': {
    op: 'AveragePool',
    shape: picture,
    attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 },
  },
  'Resize to the nearest': {
    op: 'Resize',
    shape: picture,
    operands: [null, floats([4], [1, 1, 2, 1.5])],
    attributes: { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
  },
  'Resize in straight lines': {
    op: 'Resize',
    shape: picture,
    operands: [null, null, integers(1, 2, 8, 9)],
    attributes: { mode: 'linear', coordinate_transformation_mode: 'pytorch_half_pixel' },
  },
  'Resize, corners aligned': {
    op: 'Resize',
    shape: picture,
    operands: [null, null, integers(1, 2, 3, 11)],
    attributes: { mode: 'linear', coordinate_transformation_mode: 'align_corners' },
  },
  ...Object.fromEntries(
    ['Gelu', 'BiasGelu', 'FastGelu', 'QuickGelu'].map((op): readonly [string, Case] => [
      `com.microsoft ${op}`,
      { op, domain: 'com.microsoft', operands: op === 'BiasGelu' ? [numbers([4], 2)] : [] },
    ]),
  ),
  'com.microsoft SkipLayerNormalization': {
    op: 'SkipLayerNormalization',
    domain: 'com.microsoft',
    operands: [numbers([2, 3, 4], 5), numbers([4], 1), numbers([4], 2), numbers([4], 3)],
  },
  'com.microsoft SkipSimplifiedLayerNormalization': {
    op: 'SkipSimplifiedLayerNormalization',
    domain: 'com.microsoft',
    operands: [numbers([2, 3, 4], 5), numbers([4], 1)],
  },
  SimplifiedLayerNormalization: { op: 'SimplifiedLayerNormalization', operands: [numbers([4], 1)] },
  'com.microsoft FusedMatMul': {
    op: 'FusedMatMul',
    domain: 'com.microsoft',
    operands: [numbers([2, 5, 4], 3)],
    attributes: { transB: 1, alpha: float(0.3) },
  },
};

/** `x` becomes `site`, and that the outputs. */
function bytesOf({
  op,
  domain = '',
  shape = general,
  operands = [],
  attributes = {},
  opset = 17,
  ...rest
}: Case) {
  const { outputs = 1 } = rest;
  const weights: Record<string, Tensor> = { one: scalar(1) };
  for (const [index, operand] of operands.entries()) if (operand) weights[`w${index}`] = operand;
  const names = operands.map((operand, index) => (operand ? `w${index}` : ''));
  const inputs = op === 'Where' ? ['condition', 'site', 'one'] : ['site', ...names];
  if (op === 'Where') weights.condition = tensorFrom('bool', shape, (at) => Number(at % 3 !== 1));
  const made = Array.from({ length: outputs }, (_, index) => `made${index}`);
  const node: OnnxNode = {
    ...plainNode(
      op,
      inputs,
      '',
      Object.entries(attributes).map(([name, value]) => writtenAttribute(name, value)),
    ),
    outputs: made,
    domain,
  };
  // Several outputs are one behind the other.
  const ends = made.map((name, index) => plainNode('Mul', [name, 'one'], `y${index}`));
  return {
    names: made.map((_, index) => `y${index}`),
    bytes: onnxBytes([plainNode('Mul', ['x', 'one'], 'site'), node, ...ends], {
      inputs: [{ name: 'x', dtype: 'float32', shape }],
      outputs: made.map((_, index) => `y${index}`),
      weights,
      opsets: new Map([
        ['', opset],
        ['com.microsoft', 1],
      ]),
    }),
  };
}

const termOf = (tensor: string, y: Tensor, seed: number): ObjectiveTerm => {
  const count = sizeOf(y.shape);
  return {
    tensor,
    entries: Int32Array.from({ length: count }, (_, at) => at),
    shape: [1, count],
    key: 'weighted sum',
    build: (value, perUnit) => reduceSum(mul(value, perUnit('w')), { axes: [1], keepDimensions: false }),
    perUnit: { w: numbers([1, count], seed) },
    weight: 1,
  };
};

describe('the gradient through an operator is what central differences give', () => {
  test.each(Object.keys(cases))('%s', async (name) => {
    const found = cases[name];
    if (!found) throw new Error(name);
    const { shape = general, isPositive } = found;
    const { bytes, names } = bytesOf(found);
    const model = await ImportedModel.open(memorySource('one.onnx', bytes), runtime);
    try {
      const plain = spaced(shape);
      const x = isPositive
        ? tensorFrom('float32', shape, (at) => 0.4 + Math.abs(Number(plain.data[at])))
        : plain;
      const inputs = { x };
      const [clean] = await model.run([{ inputs, edits: [], reads: names }]);
      const terms = names.map((each, index) => termOf(each, clean?.[each] ?? x, 3 + index));
      const [result] = await model.gradients([
        { inputs, edits: [], reads: [], at: ['site'], terms, formulas: new Map() },
      ]);
      const objective = (read: Readonly<Record<string, Tensor>>): number =>
        terms.reduce((sum, { tensor, perUnit }) => {
          const factors = Array.from(perUnit.w?.data ?? [], Number);
          const y = Array.from(read[tensor]?.data ?? [], Number);
          return sum + y.reduce((own, value, at) => own + value * (factors[at] ?? 0), 0);
        }, 0);
      const step = 4e-3;
      const moved = (entry: number, by: number) => ({
        inputs,
        edits: [
          {
            tensor: 'site',
            entries: Int32Array.of(entry),
            value: { kind: 'numbers' as const, numbers: Float32Array.of(Number(x.data[entry]) + by) },
          },
        ],
        reads: names,
      });
      const entries = Array.from({ length: sizeOf(shape) }, (_, entry) => entry);
      const above = await model.run(entries.map((entry) => moved(entry, step)));
      const below = await model.run(entries.map((entry) => moved(entry, -step)));
      expect(result?.at.site?.data.length).toBe(entries.length);
      for (const entry of entries) {
        const want = (objective(above[entry] ?? {}) - objective(below[entry] ?? {})) / (2 * step);
        expect(Math.abs((result?.at.site?.data[entry] ?? Number.NaN) - want)).toBeLessThan(
          2e-3 * (1 + Math.abs(want)),
        );
      }
    } finally {
      await model.dispose();
    }
  });

  test('every operator with a translation is among them', () => {
    const own = [elementwiseNodes, layoutNodes, reductionNodes, windowNodes].flatMap(Object.keys);
    const microsoft = [microsoftElementwise, microsoftReductions].flatMap(Object.keys);
    const tested = (domain: string) =>
      Object.values(cases).flatMap(({ op, domain: own = '' }) => (own === domain ? [op] : []));
    expect(own.filter((op) => !tested('').includes(op))).toEqual(['CastLike', 'Swish']);
    expect(microsoft.filter((op) => !tested('com.microsoft').includes(op))).toEqual([]);
  });
});
