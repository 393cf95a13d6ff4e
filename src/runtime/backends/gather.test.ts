// Pieces of tensors put together on a GPU, against the same in the processor's memory. On Dawn; where it or an adapter is missing
// the tests say so and are skipped.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { uniformStream } from '../../random/noise.ts';
import { dawnDevice, openDawnBackend } from '../fixtures/dawnBackend.ts';
import type { Backend, DeviceTensor, TensorData } from './backend.ts';
import { createNodeBackend } from './nodeBackend.ts';

const device = await dawnDevice();
const hindrance = 'reason' in device ? device.reason : undefined;

test.skipIf(hindrance === undefined)('pieces are put together on a GPU', ({ skip }) => skip(hindrance));

/** A piece of the tensor of that index, in elements. */
interface Cut {
  readonly source: number;
  readonly start: number;
  readonly count: number;
  readonly at: number;
}

const sourceElements = 4096;

/** Whole numbers below a limit. */
function below(seed: number): (limit: number) => number {
  const uniform = uniformStream(seed);
  return (limit) => Math.floor(uniform() * limit);
}

/** Bits of any kind, those of NaNs too: what is copied is not looked at. */
function sourceOf(seed: number): Float32Array {
  const draw = below(seed);
  return new Float32Array(Uint32Array.from({ length: sourceElements }, () => draw(2 ** 32)).buffer);
}

/** Pieces of two tensors in a random order, with gaps, all places multiples of `step`. */
function cuts(seed: number, pieces: number, step: number): readonly Cut[] {
  const draw = below(seed);
  let at = 0;
  const made = Array.from({ length: pieces }, (): Cut => {
    const count = step * (1 + draw(40));
    const start = step * draw((sourceElements - count) / step);
    at += step * draw(3);
    const cut = { source: draw(2), start, count, at };
    at += count;
    return cut;
  });
  return made.toReversed();
}

const bitsOf = (data: TensorData): readonly number[] => [
  ...new Uint32Array(data.buffer, data.byteOffset, data.length),
];

describe.skipIf(hindrance !== undefined)('on a device', () => {
  let gpu: Backend;
  let host: Backend;
  beforeAll(async () => {
    gpu = await openDawnBackend('number' in device ? device.number : 0);
    host = await createNodeBackend();
  });
  afterAll(async () => {
    await gpu?.close();
    await host?.close();
  });

  const sources = [sourceOf(1), sourceOf(2)];

  /** What a backend makes of pieces, written over a tensor of ones or put together anew. */
  async function made(backend: Backend, pieces: readonly Cut[], into: 'anew' | 'over'): Promise<TensorData> {
    const held: DeviceTensor[] = sources.map((data) => backend.upload(data, [data.length]));
    const elements = Math.max(...pieces.map(({ at, count }) => at + count)) + 5;
    const asked = pieces.flatMap(({ source, ...place }) => {
      const from = held[source];
      return from ? [{ from, ...place }] : [];
    });
    const over = () => {
      const ones = backend.upload(new Float32Array(elements).fill(1), [elements]);
      backend.write(ones, asked);
      return ones;
    };
    const result = into === 'anew' ? backend.assemble([elements], asked) : over();
    const data = (await backend.read(result)).slice();
    for (const tensor of [...held, result]) backend.dispose(tensor);
    return data;
  }

  test.each([
    ['many pieces at multiples of four', cuts(3, 300, 4)],
    ['many pieces at any place', cuts(4, 300, 1)],
    ['a single piece', cuts(5, 1, 1)],
    ['one piece of each tensor', [...cuts(6, 1, 4), { source: 0, start: 7, count: 9, at: 400 }]],
    [
      'pieces of which the later ones lie over the earlier ones',
      [0, 5, 3].map((at, index) => ({ source: index % 2, start: 100 * index, count: 7, at })),
    ],
  ])('%s have the bits that they have on the processor', async (_, pieces) => {
    for (const into of ['anew', 'over'] as const)
      expect(bitsOf(await made(gpu, pieces, into))).toEqual(bitsOf(await made(host, pieces, into)));
  });

  test('a buffer that was somebody else’s is zero where nothing was copied', async () => {
    const full = gpu.upload(new Float32Array(64).fill(3), [64]);
    const first = gpu.assemble([64], [{ from: full, start: 0, count: 64, at: 0 }]);
    gpu.dispose(first);
    const pieces = [8, 24, 40].map((at) => ({ from: full, start: 0, count: 4, at }));
    const second = gpu.assemble([64], pieces);
    const data = await gpu.read(second);
    for (const tensor of [full, second]) gpu.dispose(tensor);
    const isCopied = (index: number) => [8, 24, 40].some((at) => index >= at && index < at + 4);
    expect([...data]).toEqual(Array.from({ length: 64 }, (_, index) => (isCopied(index) ? 3 : 0)));
  });
});
