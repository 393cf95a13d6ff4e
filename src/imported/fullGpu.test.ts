// A file on a GPU that is full: the error is told as such, so that whoever can opens another device, and the file is closed.

import { expect, test } from 'vitest';
import { memorySource } from '../checkpoint/sources/byteSource.ts';
import { DeviceLostError, OutOfMemoryError } from '../runtime/backends/backend.ts';
import { imitatedGpu } from './fixtures/imitatedGpu.ts';
import { onnxBytes } from './fixtures/smallOnnx.ts';
import { plainNode } from './formulaNodes.ts';
import { GpuRuntime } from './gpuRuntime.ts';
import { ImportedModel } from './importedModel.ts';
import { createNodeRuntime } from './nodeRuntime.ts';
import { tensorFrom } from './tensor.ts';

const bytes = onnxBytes([plainNode('MatMul', ['x', 'w'], 'h'), plainNode('Tanh', ['h'], 'y')], {
  inputs: [{ name: 'x', dtype: 'float32', shape: ['batch', 2] }],
  outputs: ['y'],
  weights: { w: tensorFrom('float32', [2, 2], (at) => at + 1) },
});

test.each([
  ['full', new OutOfMemoryError('The GPU has no room for this.')],
  ['lost', new DeviceLostError('The GPU device was lost.')],
])('a device that is %s in a run is told as such, and what lay on it is let go', async (_, trouble) => {
  let isTroubled = false;
  const access = await imitatedGpu();
  const gpu = new GpuRuntime(
    {
      ...access,
      exclusively: async (work) => {
        if (isTroubled) throw trouble;
        return work();
      },
    },
    'imitated',
  );
  const runtime = await createNodeRuntime(1);
  const model = await ImportedModel.open(memorySource('small.onnx', bytes), runtime, { gpu });
  const row = { inputs: { x: tensorFrom('float32', [1, 2], (at) => at) }, edits: [], reads: ['y'] };
  const [found] = await model.run([row]);
  // x w is [3, 4].
  for (const [at, value] of [3, 4].entries())
    expect(Number(found?.y?.data[at])).toBeCloseTo(Math.tanh(value), 5);
  isTroubled = true;
  await expect(model.run([row])).rejects.toThrow(trouble);
  await model.dispose();
  expect(gpu.liveSessions).toBe(0);
  expect(access.buffers.size).toBe(0);
  await runtime.close();
});
