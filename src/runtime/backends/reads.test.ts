// Tensors that leave a GPU together. On Dawn; where it or an adapter is missing the tests say so and are skipped.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { dawnDevice, openDawnBackend } from '../fixtures/dawnBackend.ts';
import type { Backend } from './backend.ts';

const device = await dawnDevice();
const hindrance = 'reason' in device ? device.reason : undefined;

test.skipIf(hindrance === undefined)('tensors leave a GPU together', ({ skip }) => skip(hindrance));

const numbers = (count: number, first: number): Float32Array =>
  Float32Array.from({ length: count }, (_, index) => first + index);

describe.skipIf(hindrance !== undefined)('on a device', () => {
  let gpu: Backend;
  beforeAll(async () => {
    gpu = await openDawnBackend('number' in device ? device.number : 0);
  });
  afterAll(() => gpu?.close());

  /** How often the GPU is waited for while tensors of these sizes are read. */
  async function waitsFor(sizes: readonly number[]): Promise<number> {
    const waits = vi.spyOn(GPUBuffer.prototype, 'mapAsync');
    const tensors = sizes.map((size, index) => gpu.upload(numbers(size, 1000 * index), [size]));
    const read = await Promise.all(tensors.map((tensor) => gpu.read(tensor)));
    sizes.forEach((size, index) => {
      // Millions of them: compared one by one they would take minutes.
      const { length, buffer, byteOffset, byteLength } = read[index] ?? new Float32Array();
      expect(length).toBe(size);
      const bytes = Buffer.from(buffer, byteOffset, byteLength);
      expect(bytes.equals(Buffer.from(numbers(size, 1000 * index).buffer))).toBe(true);
    });
    for (const tensor of tensors) gpu.dispose(tensor);
    const count = waits.mock.calls.length;
    waits.mockRestore();
    return count;
  }

  test('tensors that are asked for at once are waited for once', async () => {
    expect(await waitsFor([1, 5, 300, 0, 64])).toBe(1);
    expect(await waitsFor([7])).toBe(1);
  });

  test('more than a buffer may hold is waited for more often', async () => {
    // 12 MiB each, of which 32 MiB hold two.
    expect(await waitsFor([3 * 2 ** 20, 3 * 2 ** 20, 3 * 2 ** 20])).toBe(2);
  });

  test('a tensor larger than what is read at once is read alone', async () => {
    expect(await waitsFor([9 * 2 ** 20])).toBe(1);
  });
});
