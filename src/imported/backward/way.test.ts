// Which nodes stand in a gradient's way, and what is said of them.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { memorySource } from '../../checkpoint/sources/byteSource.ts';
import { reduceSum } from '../../onnx/reduction.ts';
import { floats, onnxBytes } from '../fixtures/smallOnnx.ts';
import { plainNode, writtenAttribute } from '../formulaNodes.ts';
import { ImportedModel } from '../importedModel.ts';
import { createNodeRuntime } from '../nodeRuntime.ts';
import type { OnnxNode } from '../onnxFile.ts';
import type { OnnxRuntime } from '../runtime.ts';
import { type Tensor, tensorFrom } from '../tensor.ts';

let runtime: OnnxRuntime;
beforeAll(async () => {
  runtime = await createNodeRuntime(1);
});
afterAll(async () => {
  await runtime.close();
});

const x = floats([2, 3], [0.5, -1, 2, 0.25, 1.5, -0.75]);

/** The gradient of Σ y at `site`, which is x, where the nodes make y. */
async function slope(
  nodes: readonly OnnxNode[],
  weights: Readonly<Record<string, Tensor>> = {},
  opset = 17,
): Promise<readonly number[]> {
  const bytes = onnxBytes([plainNode('Mul', ['x', 'one'], 'site'), ...nodes], {
    inputs: [{ name: 'x', dtype: 'float32', shape: [2, 3] }],
    outputs: ['y'],
    weights: { one: floats([], [1]), ...weights },
    opsets: new Map([
      ['', opset],
      ['com.microsoft', 1],
    ]),
  });
  const model = await ImportedModel.open(memorySource('way.onnx', bytes), runtime);
  try {
    const [result] = await model.gradients([
      {
        inputs: { x },
        edits: [],
        reads: [],
        at: ['site'],
        terms: [
          {
            tensor: 'y',
            entries: Int32Array.of(0, 1, 2, 3, 4, 5),
            shape: [1, 6],
            key: 'sum',
            build: (value) => reduceSum(value, { axes: [1], keepDimensions: false }),
            perUnit: {},
            weight: 1,
          },
        ],
        formulas: new Map(),
      },
    ]);
    return [...(result?.at.site?.data ?? [])];
  } finally {
    await model.dispose();
  }
}

test('an operator without a rule is named, with its node and what it lies between', async () => {
  await expect(slope([{ ...plainNode('Hardmax', ['site'], 'y'), name: '/head/Hardmax' }])).rejects.toThrow(
    "There is no gradient at 'site': the operator 'Hardmax' (node '/head/Hardmax') lies between it and 'y', and has no rule. Choose sites behind it, or an objective in front of it.",
  );
});

test('a rounding to eight bits is refused, though whole numbers alone pass it', async () => {
  const nodes = [
    { ...plainNode('DynamicQuantizeLinear', ['site'], ''), outputs: ['q', 'scale', 'zero'] },
    plainNode('DequantizeLinear', ['q', 'scale', 'zero'], 'y'),
  ];
  await expect(slope(nodes)).rejects.toThrow(
    "the operator 'DynamicQuantizeLinear' (node 'DynamicQuantizeLinear (q)') lies between it and 'y', and has no rule. It rounds to eight bits, and a rounded number has no slope: use the file of the model in float32.",
  );
});

test('weights of eight bits stand in no way', async () => {
  const nodes = [plainNode('DequantizeLinear', ['q', 'scale'], 'w'), plainNode('Mul', ['site', 'w'], 'y')];
  const weights = { q: tensorFrom('int8', [3], (at) => at * 2 - 1), scale: floats([], [0.5]) };
  expect(await slope(nodes, weights)).toEqual([-0.5, 0.5, 1.5, -0.5, 0.5, 1.5]);
});

test('what lies beside the way needs no rule: its numbers are those of the run', async () => {
  const nodes = [plainNode('Hardmax', ['x'], 'chosen'), plainNode('Mul', ['site', 'chosen'], 'y')];
  expect(await slope(nodes)).toEqual([0, 0, 1, 0, 1, 0]);
});

test('comparisons, roundings and casts to whole numbers pass nothing, as in PyTorch', async () => {
  const nodes = [
    plainNode('Greater', ['site', 'zero'], 'above'),
    plainNode('Where', ['above', 'site', 'zero'], 'kept'),
    plainNode('Floor', ['site'], 'whole'),
    plainNode('Cast', ['site'], 'cast', [writtenAttribute('to', 7)]),
    plainNode('Cast', ['cast'], 'back', [writtenAttribute('to', 1)]),
    plainNode('Mul', ['whole', 'back'], 'steps'),
    plainNode('Mul', ['kept', 'steps'], 'y'),
  ];
  // y = x floor(x) trunc(x) where x > 0: the slope is what multiplies x.
  expect(await slope(nodes, { zero: floats([], [0]) })).toEqual([0, 0, 4, 0, 1, 0]);
});

test.each([
  ['LeakyRelu', { alpha: { float: 0.25 } }, 0.25],
  ['Elu', { alpha: { float: 0.5 } }, 0.5],
  ['Selu', { alpha: { float: 0.5 }, gamma: { float: 3 } }, 1.5],
  ['Relu', {}, 0],
])('at zero %s has the slope of what is below, as in PyTorch', async (op, attributes, want) => {
  const written = Object.entries(attributes).map(([name, value]) => writtenAttribute(name, value));
  const nodes = [plainNode('Sub', ['site', 'x'], 'nothing'), plainNode(op, ['nothing'], 'y', written)];
  expect(await slope(nodes)).toEqual(Array.from({ length: 6 }, () => want));
});

test('a norm without an epsilon of its own has ONNX Runtime’s', async () => {
  const norm = {
    ...plainNode('SkipSimplifiedLayerNormalization', ['small', 'none', 'ones'], 'y'),
    domain: 'com.microsoft',
  };
  const weights = { tiny: floats([], [1e-4]), none: floats([2, 3], [0]), ones: floats([3], [1]) };
  const found = await slope([plainNode('Mul', ['site', 'tiny'], 'small'), norm], weights);
  const all = Array.from(x.data, Number);
  for (const [at, slopeThere] of found.entries()) {
    const row = all.slice(at < 3 ? 0 : 3, at < 3 ? 3 : 6);
    const sum = row.reduce((total, value) => total + value, 0);
    // The root of the mean square, 1e-12 of which is 1e-4 of what is ten thousand times as large.
    const root = Math.sqrt(row.reduce((total, value) => total + value ** 2 / 3, 0) + 1e-4);
    expect(slopeThere).toBeCloseTo(1 / root - ((all[at] ?? 0) * sum) / (3 * root ** 3), 5);
  }
});

test('sizes that keep the shape of a picture are refused', async () => {
  const sizes = tensorFrom('int64', [2], () => 6);
  const policy = writtenAttribute('keep_aspect_ratio_policy', 'not_larger');
  await expect(
    slope([plainNode('Resize', ['site', '', '', 'sizes'], 'y', [policy])], { sizes }, 18),
  ).rejects.toThrow("There is no gradient through 'Resize' here: 'Resize (y)' works its sizes out from the");
});

test('a kernel that is computed has no gradient, which is said with what can be done', async () => {
  const nodes = [
    plainNode('Reshape', ['site', 'shape'], 'kernel'),
    plainNode('Conv', ['picture', 'kernel'], 'y'),
  ];
  const weights = {
    shape: tensorFrom('int64', [4], (at) => [1, 1, 2, 3][at] ?? 1),
    picture: floats([1, 1, 3, 5], [1, 2, 3, 4]),
  };
  await expect(slope(nodes, weights)).rejects.toThrow(
    'There is no gradient here: Conv: its kernel has no gradient here, only what it is applied to has. Choose sites nearer to the objective.',
  );
});
