// A GPU that refuses a part of the work and goes on: what the work gave is let go. On Dawn's device that computes nothing; where
// Dawn is missing the tests say so and are skipped.

import { expect, test } from 'vitest';
import { add } from '../../onnx/elementwise.ts';
import { graph } from '../../onnx/graph.ts';
import { input } from '../../onnx/value.ts';
import { dawnDevice, openDawnBackend } from '../fixtures/dawnBackend.ts';

const device = await dawnDevice();
const isMissing = 'reason' in device && device.reason.includes('not installed');

test.skipIf(!isMissing)('a GPU that refuses is tested on Dawn', ({ skip }) =>
  skip('the npm package webgpu is not there'),
);

test.skipIf(isMissing)(
  'a run that is refused leaves no tensor, and a graph that is refused no program',
  async () => {
    let opened: GPUDevice | undefined;
    const { prototype } = GPUAdapter;
    const { requestDevice } = prototype;
    prototype.requestDevice = async function (this: GPUAdapter, ...given) {
      opened = await requestDevice.apply(this, given);
      return opened;
    };
    const backend = await openDawnBackend('null');
    prototype.requestDevice = requestDevice;
    /** As the GPU says what it refuses, which is heard when the next work is done. */
    const refuse = () =>
      opened?.dispatchEvent(
        new GPUUncapturedErrorEvent('uncapturederror', { error: new GPUValidationError('It is too large.') }),
      );
    const x = input('x', 'float32', [4]);
    const doubled = graph({ y: add(x, x), z: add(add(x, x), x) });
    const program = await backend.compile(doubled);
    const given = backend.upload(Float32Array.of(1, 2, 3, 4), [4]);
    refuse();
    const refused = 'The GPU refused a part of the work (It is too large), so its numbers are not shown.';
    await expect(program.run({ x: given })).rejects.toThrow(refused);
    expect(backend.liveTensors).toBe(1);
    refuse();
    await expect(backend.compile(doubled)).rejects.toThrow(refused);
    expect(backend.livePrograms).toBe(1);
    const outputs = await program.run({ x: given });
    expect(backend.liveTensors).toBe(3);
    for (const tensor of [given, ...Object.values(outputs)]) backend.dispose(tensor);
    await program.dispose();
    expect(backend.livePrograms).toBe(0);
    await backend.close();
  },
);
