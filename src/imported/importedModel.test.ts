// A small file, opened and run under edits, against numbers worked out by hand.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { memorySource } from '../checkpoint/sources/byteSource.ts';
import { mul } from '../onnx/elementwise.ts';
import { constant } from '../onnx/value.ts';
import { structureOf } from './describe.ts';
import { floats, onnxBytes, residualSource } from './fixtures/smallOnnx.ts';
import { plainNode } from './formulaNodes.ts';
import { ImportedModel } from './importedModel.ts';
import { createNodeRuntime } from './nodeRuntime.ts';
import type { TensorEdit } from './plan.ts';
import type { OnnxRuntime } from './runtime.ts';

let runtime: OnnxRuntime;
let model: ImportedModel;

beforeAll(async () => {
  runtime = await createNodeRuntime(1);
  model = await ImportedModel.open(residualSource(), runtime);
});

afterAll(async () => {
  await model.dispose();
  expect(runtime.liveSessions).toBe(0);
  await runtime.close();
});

const x = (a: number, b: number) => ({ x: floats([1, 2], [a, b]) });

async function outputs(edits: readonly TensorEdit[], inputs = x(1, 1)): Promise<readonly number[]> {
  const [result] = await model.run([{ inputs, edits, reads: ['y'] }]);
  return [...(result?.y?.data ?? [])].map(Number);
}

test('a file gives the numbers that its nodes compute', async () => {
  // (1, 1) + relu(1, 2) = (2, 3); + relu(3, 2) = (5, 5)
  const reads = ['/layer.0/Add_output_0', '/layer.1/Add_output_0', 'y'];
  const [result] = await model.run([{ inputs: x(1, 1), edits: [], reads }]);
  expect(reads.map((name) => [...(result?.[name]?.data ?? [])])).toEqual([[2, 3], [5, 5], [10]]);
});

test('what a page is told of it: its ways, and along which axes positions lie', () => {
  const { chain, chains, tensors } = structureOf(model, {});
  const way = ['/layer.0/Add_output_0', '/layer.1/Add_output_0'];
  expect(chain).toEqual(way);
  expect(chains).toEqual([{ from: 'x', to: 'y', tensors: way, blocks: [2] }]);
  expect(tensors.find(({ name }) => name === 'y')).toMatchObject({ axes: '[batch, 1]', positions: [] });
});

test('the two blocks are found, and so is the batch', () => {
  expect(model.chains[0]?.runs).toEqual([{ first: 0, period: 1, count: 2 }]);
  expect(model.chains[0]?.tensors).toEqual(['x', '/layer.0/Add_output_0', '/layer.1/Add_output_0', 'y']);
  expect(model.probe.tensors.get('y')?.roles).toEqual(['batch', null]);
  expect(model.probe.rowsAreIndependent).toBe(true);
});

test('an override of places is seen by all that comes after, and by nothing else', async () => {
  const edit = (tensor: string): TensorEdit => ({
    tensor,
    places: { axis: 1, indices: [1] },
    value: { kind: 'number', value: 7 },
  });
  // (2, 7) + relu(7, 2) = (9, 9)
  expect(await outputs([edit('/layer.0/Add_output_0')])).toEqual([18]);
  // (1, 1) + (1, 7) = (2, 8); + relu(8, 2) = (10, 10)
  expect(await outputs([edit('/layer.0/act/Relu_output_0')])).toEqual([20]);
});

test('a formula takes the place of the whole tensor', async () => {
  const half: TensorEdit = {
    tensor: '/layer.0/Add_output_0',
    value: { kind: 'formula', name: 'half', build: (base) => mul(base, constant(0.5)) },
  };
  // (1, 1.5) + relu(1.5, 1) = (2.5, 2.5)
  expect(await outputs([half])).toEqual([5]);
});

test('rows take from other rows, in an earlier stage and in the same', async () => {
  const from = (tensor: string): TensorEdit => ({
    tensor,
    places: { axis: 1, indices: [0] },
    value: { kind: 'row', row: 2, indices: [1] },
  });
  const [between, within] = await model.run([
    { inputs: x(1, 1), edits: [from('/layer.0/Add_output_0')], reads: ['y'] },
    { inputs: x(1, 1), edits: [from('/layer.1/act/Relu_output_0')], reads: ['y'] },
    { inputs: x(10, 20), edits: [], reads: [] },
  ]);
  // The other row: (20, 60), then relu(60, 20). So (60, 3) + (3, 60) = (63, 63), and (2, 3) + (20, 2) = (22, 5).
  expect([...(between?.y?.data ?? [])]).toEqual([126]);
  expect([...(within?.y?.data ?? [])]).toEqual([27]);
});

test('many rows of one edit give what each gives alone, to the last bit', async () => {
  const rows = Array.from({ length: 23 }, (_, index) => ({
    inputs: x(1 + index / 7, 2 - index / 3),
    edits: [
      {
        tensor: '/layer.0/act/Relu_output_0',
        places: { axis: 1, indices: [0] },
        value: { kind: 'number', value: index },
      },
    ],
    reads: ['y'],
  })) satisfies Parameters<ImportedModel['run']>[0];
  const together = await model.run(rows);
  for (const [index, row] of rows.entries()) {
    const [alone] = await model.run([row]);
    expect(together[index]?.y?.data).toEqual(alone?.y?.data);
  }
});

test.each([
  ['/layer.0/Add_output', /has no tensor '\/layer.0\/Add_output'. Did you mean/],
  ['x', /is an input of the model/],
  ['head.weight', /does not depend on the input's values/],
])('a site at %s is refused with a sentence', async (tensor, sentence) => {
  await expect(outputs([{ tensor, value: { kind: 'number', value: 0 } }])).rejects.toThrow(sentence);
});

test('places past the end are refused with the last one', async () => {
  const edit: TensorEdit = {
    tensor: '/layer.0/Add_output_0',
    places: { axis: 1, indices: [2] },
    value: { kind: 'number', value: 0 },
  };
  await expect(outputs([edit])).rejects.toThrow(
    /Axis 1 of '\/layer.0\/Add_output_0' has 2 places; 2 is past the last, 1/,
  );
});

test('a source that is computed later than its target is refused', async () => {
  const edit: TensorEdit = {
    tensor: '/layer.0/Add_output_0',
    value: { kind: 'row', row: 1, tensor: '/layer.1/Add_output_0' },
  };
  const plan = [
    { inputs: x(1, 1), edits: [edit], reads: ['y'] },
    { inputs: x(2, 2), edits: [], reads: [] },
  ];
  await expect(model.run(plan)).rejects.toThrow(/is computed after/);
});

test('two runs that differ are refused by the operator that draws', async () => {
  const bytes = onnxBytes(
    [plainNode('RandomNormalLike', ['x'], 'noise'), plainNode('Add', ['x', 'noise'], 'y')],
    { inputs: [{ name: 'x', dtype: 'float32', shape: ['batch', 2] }], outputs: ['y'] },
  );
  await expect(ImportedModel.open(memorySource('noisy.onnx', bytes), runtime)).rejects.toThrow(
    /Two runs on the same input differ \('noise'\)/,
  );
});

test('rows that know of each other run one at a time, and it is said why', async () => {
  const bytes = onnxBytes([plainNode('Softmax', ['x'], 'y', [])], {
    inputs: [{ name: 'x', dtype: 'float32', shape: ['batch', 2] }],
    outputs: ['y'],
  });
  const independent = await ImportedModel.open(memorySource('rows.onnx', bytes), runtime);
  expect(independent.probe.rowsAreIndependent).toBe(true);
  await independent.dispose();
  const crossed = onnxBytes([plainNode('ReduceMax', ['x'], 'most'), plainNode('Sub', ['x', 'most'], 'y')], {
    inputs: [{ name: 'x', dtype: 'float32', shape: ['batch', 2] }],
    outputs: ['y'],
  });
  const dependent = await ImportedModel.open(memorySource('columns.onnx', crossed), runtime);
  expect(dependent.probe.reason).toMatch(/depends on the other rows of its batch/);
  await dependent.dispose();
  // An example of one row is no evidence that rows are alike.
  const example = { x: floats([1, 2], [0.5, 2]) };
  const tried = await ImportedModel.open(memorySource('columns.onnx', crossed), runtime, { example });
  expect(tried.probe.rowsAreIndependent).toBe(false);
  await tried.dispose();
});
