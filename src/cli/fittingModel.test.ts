// A device that has no room: what is given up, in which order, and what is said. On Dawn's device that computes nothing, with a
// budget of bytes that its buffers keep to. Where Dawn is missing the tests say so and are skipped.

import { afterEach, describe, expect, test, vi } from 'vitest';
import { dawnModule } from '../../scripts/dawn.mjs';
import type { AnyResult } from '../experiments/kind.ts';
import { nextLogits } from '../experiments/predict.ts';
import { readExperiment } from '../experiments/registry.ts';
import { completeExperiment } from '../experiments/runExperiment.ts';
import { OutOfMemoryError } from '../runtime/backends/backend.ts';
import { graphicsDevices } from '../runtime/backends/dawn.ts';
import { answeringZeros, type Budget, limitMemory, type Mend } from '../runtime/fixtures/troubledGpu.ts';
import { withFittingModel } from './fittingModel.ts';
import type { HostOptions } from './hostModel.ts';
import { modelPath } from './hostModel.ts';

const module = dawnModule();
if (module) process.env.PATCHBAY_DAWN = module;
const isThere =
  module !== undefined &&
  (await graphicsDevices().then(
    () => true,
    () => false,
  ));
const mends: Mend[] = isThere ? [answeringZeros()] : [];

const tiny = modelPath('tiny-atlas');
let budget: Budget | undefined;
afterEach(() => {
  budget?.mend();
  budget = undefined;
  vi.restoreAllMocks();
});

interface Found {
  readonly residency: string;
  readonly batchShare: number;
  readonly notices: readonly string[];
  /** At the terminal. */
  readonly said: readonly string[];
  readonly expandedBytes: number;
  readonly packedBytes: number;
  readonly most: number;
  readonly result: AnyResult | undefined;
}

/** The most that is said to the device at once is the prediction of a word, or a trace. */
async function within(
  bytes: number,
  options: HostOptions & { readonly isTrace?: true } = {},
): Promise<Found> {
  const { isTrace, ...host } = options;
  const held = limitMemory(bytes);
  budget = held;
  const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  try {
    return await withFittingModel(tiny, 'webgpu', { ...host, device: 'null' }, async (model, checkpoint) => {
      const trace = {
        kind: 'trace',
        version: 1,
        model: 'tiny-atlas',
        prompt: [1, 5, 9, 2, 7, 3],
        subject: [1, 3],
        corruption: { kind: 'noise', level: 0.5, samples: 60 },
        streams: [{ component: 'block_output' }],
      };
      let result: AnyResult | undefined;
      if (isTrace) result = await completeExperiment(model, checkpoint, await readExperiment(trace));
      else await nextLogits(model, [1, 5, 9]);
      return {
        residency: model.residency,
        batchShare: model.room.batchShare,
        notices: model.room.notices,
        said: error.mock.calls.map(([text]) => String(text)),
        expandedBytes: model.sizes.expandedBytes,
        packedBytes: model.sizes.packedBytes,
        most: held.most(),
        result,
      };
    });
  } finally {
    error.mockRestore();
    held.mend();
  }
}

test.skipIf(isThere)('a full device is tested on Dawn', ({ skip }) =>
  skip('the npm package webgpu is not there'),
);

describe.skipIf(!isThere)('a device that has no room', () => {
  const unlimited = Number.POSITIVE_INFINITY;
  const packed =
    "The GPU's memory ran out while weights arrived, so weights stay packed, and each layer is expanded when it runs: the numbers are the same, and it takes longer.";

  test('for the weights in float32 keeps them packed, and says so', async () => {
    const whole = await within(unlimited);
    expect(whole).toMatchObject({ residency: 'expanded', batchShare: 1, notices: [], said: [] });
    const working = whole.most - whole.expandedBytes;
    expect(working).toBeGreaterThan(0);
    const half = await within(whole.expandedBytes - 1);
    expect(half).toMatchObject({ residency: 'packed', batchShare: 1, notices: [packed] });
    expect(half.said).toEqual([`Note: ${packed}`]);
    expect(half.most).toBeLessThan(whole.expandedBytes);
  });

  test('for packed weights beside what runs gives up whole batches before it streams', async () => {
    const [packedMost, streamedMost] = [
      (await within(unlimited, { residency: 'packed' })).most,
      (await within(unlimited, { residency: 'streamed' })).most,
    ];
    expect(streamedMost).toBeLessThan(packedMost);
    const found = await within((packedMost + streamedMost) / 2);
    expect(found).toMatchObject({ residency: 'streamed', batchShare: 1 / 16 });
    expect(
      found.notices.map((notice) => /a quarter|a sixteenth|stay packed|read again/.exec(notice)?.[0]),
    ).toEqual(['stay packed', 'a quarter', 'a sixteenth', 'read again']);
    expect(found.said).toEqual(found.notices.map((notice) => `Note: ${notice}`));
  });

  test('for anything at all says so, with what to do', async () => {
    const failed = await within(100_000).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failed).toBeInstanceOf(OutOfMemoryError);
    expect(String(failed)).toMatch(
      /The GPU has no room for this \(.+\)\. Choose a smaller model, a shorter prompt/,
    );
  });

  test('for what was asked for refuses it with what would fit, and tries nothing else', async () => {
    const { expandedBytes, packedBytes } = await within(unlimited);
    const million = (bytes: number) => `${Number((bytes / 1e6).toPrecision(2))} MB`;
    await expect(within(expandedBytes - 1, { residency: 'expanded' })).rejects.toThrow(
      `tiny-atlas takes ${million(expandedBytes)} in float32, as was asked for, and the GPU has no room for it. Packed it takes ${million(packedBytes)}: ask for packed weights, or leave the choice to Patchbay.`,
    );
  });

  test('for a whole batch runs smaller ones, and the result says so', async () => {
    const whole = await within(unlimited, { isTrace: true });
    const weights = whole.expandedBytes;
    const found = await within(weights + (whole.most - weights) * 0.6, { isTrace: true });
    expect(found.residency).toBe('expanded');
    expect([1 / 4, 1 / 16]).toContain(found.batchShare);
    const [notice = ''] = found.notices;
    expect(notice).toMatch(/^The GPU's memory ran out, so batches hold a quarter of what they would/);
    expect(found.result?.notices.filter(({ code }) => code === 'less-memory')).toEqual(
      found.notices.map((text) => ({ code: 'less-memory', text })),
    );
    expect(whole.result?.notices.some(({ code }) => code === 'less-memory')).toBe(false);
  });
});

test.skipIf(!isThere)('what stands between the tests and WebGPU is taken away again', () => {
  for (const mend of mends) mend();
  expect(budget).toBeUndefined();
});
