// Inputs as files and pictures give them.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { floats, onnxBytes } from '../../imported/fixtures/smallOnnx.ts';
import { plainNode, writtenAttribute } from '../../imported/formulaNodes.ts';
import { openedModelOf } from '../../imported/openedModels.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { type OpenedOnnx, openedOnnx } from '../fixtures/openedOnnx.ts';
import { givenOfFile } from './files.ts';
import { readInputs } from './inputs.ts';

const preprocessor = {
  size: { height: 4, width: 6 },
  resample: 2,
  image_mean: [0, 0, 0],
  image_std: [1, 1, 1],
};

/** The mean of each colour, of a picture of any size or one with its colours last. */
const pictureBytes = (shape: readonly (number | string)[], axes: readonly number[]): Uint8Array =>
  onnxBytes(
    [
      plainNode('Relu', ['pixels'], 'act'),
      plainNode('ReduceMean', ['act'], 'means', [
        writtenAttribute('axes', axes),
        writtenAttribute('keepdims', 0),
      ]),
      plainNode('MatMul', ['means', 'w'], 'y'),
    ],
    {
      inputs: [{ name: 'pixels', dtype: 'float32', shape: [...shape] }],
      outputs: ['y'],
      weights: { w: floats([3, 2], [1, 0, 0, 1, 0, 0]) },
    },
  );

let backend: Backend;
let first: OpenedOnnx;
let last: OpenedOnnx;

beforeAll(async () => {
  backend = createNodeBackend(1);
  const beside = { preprocessor, labels: ['red', 'green'] };
  first = await openedOnnx('first.onnx', pictureBytes(['n', 3, 4, 6], [2, 3]), backend, beside);
  last = await openedOnnx('last.onnx', pictureBytes(['n', 4, 6, 3], [1, 2]), backend, beside);
});

afterAll(async () => {
  await first.close();
  await last.close();
  await backend.close();
});

const opened = ({ model }: OpenedOnnx) => {
  const found = openedModelOf(model.architecture);
  if (!found) throw new Error('not a model that was brought as ONNX');
  return found;
};

const picture = async () =>
  givenOfFile('pixels', 'wide.png', new Uint8Array(readFileSync('src/media/expected/wide.png')));

test('a picture is given with its colours where the input has them', async () => {
  const [a, b] = await Promise.all(
    [first, last].map(async (each) => readInputs(opened(each), undefined, { pixels: await picture() })),
  );
  const [one, other] = [a?.tensors.pixels, b?.tensors.pixels];
  expect(one?.shape).toEqual([1, 3, 4, 6]);
  expect(other?.shape).toEqual([1, 4, 6, 3]);
  for (let channel = 0; channel < 3; channel++)
    for (let pixel = 0; pixel < 24; pixel++)
      expect(other?.data[pixel * 3 + channel]).toBe(one?.data[channel * 24 + pixel]);
  expect(Math.max(...Array.from(one?.data ?? [], Number))).toBeGreaterThan(0.1);
});

test('a picture for a file that says nothing of pictures is refused, and its own settings are taken', async () => {
  const { preprocessor: _, ...beside } = opened(first).beside;
  const silent = { ...opened(first), beside };
  const given = await picture();
  await expect(readInputs(silent, undefined, { pixels: given })).rejects.toThrow(
    'The model brings no preprocessor_config.json',
  );
  const told = await readInputs(silent, undefined, { pixels: { ...given, preprocessor } });
  expect(told.tensors.pixels?.shape).toEqual([1, 3, 4, 6]);
});

test('a model of one channel reads a picture in grey, and one of any size the middle that is cut out', async () => {
  const bytes = onnxBytes([plainNode('Relu', ['grey'], 'y')], {
    inputs: [{ name: 'grey', dtype: 'float32', shape: ['n', 1, 'height', 'width'] }],
    outputs: ['y'],
    weights: {},
  });
  const settings = { size: { shortest_edge: 8 }, do_center_crop: true, crop_size: { height: 6, width: 7 } };
  const one = await openedOnnx('grey.onnx', bytes, backend, { preprocessor: { ...settings, image_mean: 0 } });
  const { tensors, seen } = await readInputs(opened(one), undefined, { grey: await picture() });
  expect(tensors.grey?.shape).toEqual([1, 1, 6, 7]);
  // 31 × 23 becomes 10 × 8.
  expect(seen).toEqual({ left: 0.1, top: 0.125, width: 0.7, height: 0.75 });
  await one.close();
});

test('files of numbers become tensors, and one of another kind is refused', async () => {
  const csv = await givenOfFile('x', 'data/table.csv', new TextEncoder().encode('a,b\n1,2.5\n3,4\n'));
  expect(csv).toMatchObject({ dtype: 'float32', shape: [2, 2], name: 'table.csv' });
  const row = await givenOfFile('x', 'row.csv', new TextEncoder().encode('5;6;7'));
  expect(row).toMatchObject({ dtype: 'int64', shape: [3] });
  const json = new TextEncoder().encode('{"other": [1], "x": [[1, 2], [3, 4]]}');
  expect(await givenOfFile('x', 'a.json', json)).toMatchObject({ dtype: 'int64', shape: [2, 2] });
  expect(await givenOfFile('x', 'a.json', json, { tensor: 'other' })).toMatchObject({ shape: [1] });
  await expect(givenOfFile('y', 'a.json', json)).rejects.toThrow("'a.json' has no tensor 'y'.");
  await expect(givenOfFile('x', 'a.csv', new TextEncoder().encode('1,2\n3\n'))).rejects.toThrow(
    "Row 2 of 'a.csv' has 1 numbers, the first 2.",
  );
  await expect(givenOfFile('x', 'a.csv', new TextEncoder().encode('1,2\n3,four\n'))).rejects.toThrow(
    "Row 2 of 'a.csv' holds 'four', which is no number.",
  );
  await expect(givenOfFile('x', 'notes.pdf', new Uint8Array())).rejects.toThrow("'notes.pdf' is no file");
});

test('a mask that is not given is as long as the tokens of its own stack', async () => {
  const ids = (name: string) => ({ name, dtype: 'int64' as const, shape: ['n', `${name}.length`] });
  const names = ['input_ids', 'attention_mask', 'decoder_input_ids', 'decoder_attention_mask'];
  const bytes = onnxBytes([plainNode('Concat', names, 'y', [writtenAttribute('axis', 1)])], {
    inputs: names.map(ids),
    outputs: ['y'],
    weights: {},
  });
  const stacks = await openedOnnx('stacks.onnx', bytes, backend);
  const { tensors: clean } = await readInputs(opened(stacks), undefined, {
    input_ids: { numbers: [[1, 2, 3, 4, 5]] },
    decoder_input_ids: { numbers: [[1, 2, 3]] },
  });
  const lengths = (inputs: typeof clean) => names.map((name) => inputs[name]?.shape[1]);
  expect(lengths(clean)).toEqual([5, 5, 3, 3]);
  const { tensors: other } = await readInputs(
    opened(stacks),
    undefined,
    { decoder_input_ids: { numbers: [[4, 5]] } },
    clean,
  );
  expect(lengths(other)).toEqual([5, 5, 2, 2]);
  await stacks.close();
});
