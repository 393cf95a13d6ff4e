import { afterAll, beforeAll, expect, test } from 'vitest';
import { memorySource } from '../checkpoint/sources/byteSource.ts';
import { standardNormal } from '../random/noise.ts';
import { describedStacks, stageRows } from './describe.ts';
import { type ImitatedGpuOptions, imitatedGpu } from './fixtures/imitatedGpu.ts';
import { onnxBytes } from './fixtures/smallOnnx.ts';
import { plainNode, writtenAttribute } from './formulaNodes.ts';
import { GpuRuntime } from './gpuRuntime.ts';
import { placesText } from './gpuStages.ts';
import { ImportedModel } from './importedModel.ts';
import { createNodeRuntime } from './nodeRuntime.ts';
import type { PlanRow } from './plan.ts';
import type { OnnxRuntime } from './runtime.ts';
import { type Tensor, tensorFrom } from './tensor.ts';

let runtime: OnnxRuntime;

beforeAll(async () => {
  runtime = await createNodeRuntime(1);
});

afterAll(() => runtime.close());

const width = 64;

/** Rows of a table, then two layers x + (x W) * mask, then a product: a mask of whole numbers becomes floats in each layer. */
function maskedBytes(): Uint8Array {
  const matrix = (seed: number): Tensor => {
    const drawn = standardNormal(seed, width * width);
    return tensorFrom('float32', [width, width], (at) => (drawn[at] ?? 0) / 8);
  };
  const layer = (index: number, from: string, to: string) => [
    plainNode('MatMul', [from, `layer.${index}.weight`], `/layer.${index}/MatMul_output_0`),
    plainNode('Cast', ['mask'], `/layer.${index}/Cast_output_0`, [writtenAttribute('to', 1)]),
    plainNode('Unsqueeze', [`/layer.${index}/Cast_output_0`, 'last'], `/layer.${index}/Unsqueeze_output_0`),
    plainNode(
      'Mul',
      [`/layer.${index}/MatMul_output_0`, `/layer.${index}/Unsqueeze_output_0`],
      `/layer.${index}/Mul_output_0`,
    ),
    plainNode('Tanh', [`/layer.${index}/Mul_output_0`], `/layer.${index}/Tanh_output_0`),
    plainNode('Add', [from, `/layer.${index}/Tanh_output_0`], to),
  ];
  return onnxBytes(
    [
      plainNode('Gather', ['wte', 'input_ids'], '/wte/Gather_output_0'),
      ...layer(0, '/wte/Gather_output_0', '/layer.0/Add_output_0'),
      ...layer(1, '/layer.0/Add_output_0', '/layer.1/Add_output_0'),
      plainNode('MatMul', ['/layer.1/Add_output_0', 'head'], 'logits'),
    ],
    {
      inputs: [
        { name: 'input_ids', dtype: 'int64', shape: ['batch', 'sequence'] },
        { name: 'mask', dtype: 'int64', shape: ['batch', 'sequence'] },
      ],
      outputs: ['logits'],
      weights: {
        wte: matrix(1),
        'layer.0.weight': matrix(2),
        'layer.1.weight': matrix(3),
        head: matrix(4),
        last: tensorFrom('int64', [1], () => -1),
      },
    },
  );
}

const ids = (...values: readonly number[]): Tensor =>
  tensorFrom('int64', [1, values.length], (at) => values[at] ?? 0);
const inputs = { input_ids: ids(3, 60, 7), mask: ids(1, 0, 1) };

async function opened(options?: ImitatedGpuOptions) {
  const access = await imitatedGpu(options);
  const gpu = new GpuRuntime(access, 'imitated');
  const source = memorySource('masked.onnx', maskedBytes());
  return { access, gpu, model: await ImportedModel.open(source, runtime, options ? { gpu } : {}) };
}

const placesOf = (model: ImportedModel): readonly string[] =>
  stageRows(model)?.map(({ runsOn }) => runsOn) ?? [];

/** A state replaced, one within a layer, and nothing. */
const rows: readonly PlanRow[] = [
  { inputs, edits: [], reads: ['logits', '/layer.1/Tanh_output_0', '/layer.0/Cast_output_0'] },
  {
    inputs,
    edits: [
      {
        tensor: '/layer.0/Add_output_0',
        places: { axis: 1, indices: [1] },
        value: { kind: 'number', value: 2 },
      },
    ],
    reads: ['logits'],
  },
  {
    inputs,
    edits: [
      {
        tensor: '/layer.1/Tanh_output_0',
        places: { axis: 1, indices: [2] },
        value: { kind: 'row', row: 0, indices: [0] },
      },
    ],
    reads: ['logits'],
  },
];

test('stages run on the GPU, what is whole numbers before them beside it, and give the processor’s numbers', async () => {
  const plain = await opened();
  const { model, access, gpu } = await opened({ lacks: ['Cast'] });
  expect(placesOf(plain.model)).toEqual([]);
  expect(placesOf(model)).toEqual([
    'GPU',
    'GPU, after Cast (int64) on WASM',
    'GPU, after Cast (int64) on WASM',
    'GPU',
  ]);
  const results = await model.run(rows);
  const expected = await plain.model.run(rows);
  for (const [at, row] of expected.entries())
    for (const [name, { data }] of Object.entries(row)) {
      const found = results[at]?.[name]?.data ?? [];
      expect(found.length).toBe(data.length);
      for (const [index, value] of data.entries()) expect(Number(found[index])).toBeCloseTo(Number(value), 5);
    }
  expect(placesText(model.takeUsedPlaces())).toMatch(
    /^stages 0, 3: GPU; stages 1, 2, 2 with \/layer\.1\/Tanh_output_0: GPU, after Cast \(int64\) on WASM$/,
  );
  expect(model.takeUsedPlaces()).toEqual([]);
  await plain.model.dispose();
  await model.dispose();
  expect(access.buffers.size).toBe(0);
  expect(gpu.liveSessions).toBe(0);
  expect(runtime.liveSessions).toBe(0);
});

test('weights lie on the GPU once, however many pieces read them', async () => {
  const { model, access } = await opened({ lacks: ['Cast'] });
  await model.run(rows);
  const uploads = access.uploads;
  expect(access.buffers.size).toBe(4);
  // Another size makes other pieces.
  const longer = { input_ids: ids(1, 2, 3, 4, 5), mask: ids(1, 1, 1, 1, 0) };
  await model.run([{ inputs: longer, edits: [], reads: ['logits'] }]);
  expect(access.uploads).toBe(uploads);
  await model.dispose();
});

test('an operator without a kernel on the way keeps its stage off the GPU, by name and type', async () => {
  const { model } = await opened({ lacks: ['Tanh'] });
  expect(placesOf(model)).toEqual(['GPU', 'WASM: Tanh (float32)', 'WASM: Tanh (float32)', 'GPU']);
  expect(describedStacks(model)[0]?.stack.count).toBe(2);
  await model.dispose();
});

test('a stage that computes other numbers on the GPU, or does not run there, is WASM’s and says why', async () => {
  const wrong = await opened({ wrong: 'Tanh' });
  expect(placesOf(wrong.model)[0]).toBe('GPU');
  expect(placesOf(wrong.model)[1]).toBe(
    "WASM: /layer.0/Add_output_0 differs from the processor's numbers (6 nodes up to Add)",
  );
  const failing = await opened({ fails: 'Tanh' });
  expect(placesOf(failing.model)[2]).toMatch(/^WASM: Tanh \(WebGPU does not run this graph: /);
  const numbers = await wrong.model.run(rows);
  expect(numbers).toEqual(await failing.model.run(rows));
  expect(placesText(wrong.model.takeUsedPlaces())).toContain('stage 1: WASM');
  await wrong.model.dispose();
  await failing.model.dispose();
});

test('an index without a row in its table is refused, which a GPU would not do', async () => {
  const { model } = await opened({});
  const past = { ...inputs, input_ids: ids(3, 64, 7) };
  await expect(model.run([{ inputs: past, edits: [], reads: ['logits'] }])).rejects.toThrow(
    "Input 'input_ids' holds 64, and the table that it is looked up in has 64 rows.",
  );
  await model.dispose();
});

test('a fixed place of an input that grows is looked up on WASM, where one past the end is an error', async () => {
  const bytes = onnxBytes(
    [
      plainNode('Gather', ['x', 'third'], 'picked', [writtenAttribute('axis', 1)]),
      plainNode('MatMul', ['picked', 'w'], 'y'),
    ],
    {
      inputs: [{ name: 'x', dtype: 'float32', shape: ['batch', 'n', 2] }],
      outputs: ['y'],
      weights: {
        w: tensorFrom('float32', [2, 2], (at) => at + 1),
        third: tensorFrom('int64', [], () => 2),
      },
    },
  );
  const gpu = new GpuRuntime(await imitatedGpu(), 'imitated');
  const model = await ImportedModel.open(memorySource('third.onnx', bytes), runtime, { gpu });
  expect(placesOf(model)).toEqual(['WASM: Gather (float32, int64)', 'GPU']);
  const x = (n: number) => tensorFrom('float32', [1, n, 2], (at) => at);
  const [three] = await model.run([{ inputs: { x: x(3) }, edits: [], reads: ['y'] }]);
  expect([...(three?.y?.data ?? [])]).toEqual([19, 28]);
  await expect(model.run([{ inputs: { x: x(2) }, edits: [], reads: ['y'] }])).rejects.toThrow(/out of/);
  await model.dispose();
});

test('an index that was computed is looked up on WASM, where one past the end is an error', async () => {
  const bytes = onnxBytes(
    [
      plainNode('MatMul', ['x', 'w'], 'h'),
      plainNode('ArgMax', ['h'], 'best', [writtenAttribute('axis', 1), writtenAttribute('keepdims', 0)]),
      plainNode('Gather', ['table', 'best'], 'row'),
      plainNode('MatMul', ['row', 'w'], 'y'),
    ],
    {
      inputs: [{ name: 'x', dtype: 'float32', shape: ['batch', 2] }],
      outputs: ['y'],
      weights: {
        w: tensorFrom('float32', [2, 2], (at) => at + 1),
        table: tensorFrom('float32', [2, 2], (at) => at),
      },
    },
  );
  const gpu = new GpuRuntime(await imitatedGpu(), 'imitated');
  const model = await ImportedModel.open(memorySource('computed.onnx', bytes), runtime, { gpu });
  expect(placesOf(model).join()).toContain('WASM: Gather (float32, int64)');
  await model.dispose();
});
