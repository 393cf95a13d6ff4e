// Files that are damaged or made up are refused with a sentence, whatever is wrong with them.
import { expect, test } from 'vitest';
import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { memorySource } from '../checkpoint/sources/byteSource.ts';
import { damagedFiles } from './fixtures/damagedFiles.ts';
import { floats, onnxBytes, residualBytes } from './fixtures/smallOnnx.ts';
import { plainNode } from './formulaNodes.ts';
import { ImportedModel } from './importedModel.ts';
import { createNodeRuntime } from './nodeRuntime.ts';
import { readOnnx } from './readOnnx.ts';

const read = (bytes: Uint8Array) => readOnnx(memorySource('model.onnx', bytes));

test('weights that are large stay in the file, and small ones are read', async () => {
  const bytes = onnxBytes([plainNode('Add', ['x', 'large'], 'y')], {
    inputs: [{ name: 'x', dtype: 'float32', shape: ['batch', 512] }],
    outputs: ['y'],
    weights: { large: floats([512], [1.5, -2]), small: floats([2], [3, 4]) },
  });
  const { graph, opsets } = await read(bytes);
  const large = graph.weights.get('large');
  expect(large?.place.kind).toBe('file');
  if (large?.place.kind === 'file') {
    const { offset, length } = large.place;
    const values = new Float32Array(Uint8Array.from(bytes.subarray(offset, offset + length)).buffer);
    expect([values.length, values[0], values[511]]).toEqual([512, 1.5, -2]);
  }
  expect(graph.weights.get('small')?.place.kind).toBe('memory');
  expect(graph.inputs).toEqual([{ name: 'x', dtype: 'float32', typeName: 'float32', shape: ['batch', 512] }]);
  expect(opsets.get('')).toBe(17);
});

test.each([
  ['nothing at all', new Uint8Array()],
  ['a text', new TextEncoder().encode('<!DOCTYPE html><html>')],
  ['half a file', residualBytes().slice(0, 200)],
])('%s is refused', async (_, bytes) => {
  await expect(read(bytes)).rejects.toThrow(CheckpointError);
});

test('the format of ONNX Runtime is refused by its name', async () => {
  const bytes = new Uint8Array(64);
  bytes.set(new TextEncoder().encode('ORTM'), 4);
  await expect(read(bytes)).rejects.toThrow(/ORT-format file, which is compiled for one version/);
});

test('damaged files are opened or refused with a sentence', async () => {
  const runtime = await createNodeRuntime(1);
  const counts = { opened: 0, refused: 0 };
  for (const bytes of damagedFiles(residualBytes(), 150, 7)) {
    try {
      const model = await ImportedModel.open(memorySource('damaged.onnx', bytes), runtime);
      counts.opened += 1;
      await model.dispose();
    } catch (error) {
      const name = error instanceof Error ? error.name : String(error);
      if (name !== 'CheckpointError' && name !== 'BackendError') throw error;
      counts.refused += 1;
    }
  }
  expect(runtime.liveSessions).toBe(0);
  await runtime.close();
  expect(counts.opened + counts.refused).toBe(150);
  expect(counts.refused).toBeGreaterThan(50);
});
