import { expect, test } from 'vitest';
import type { DeviceInfo, ModelInfo } from '../../worker/protocol.ts';
import { estimateTime, learnSpeed, timeLeft } from './speed.ts';

const device: DeviceInfo = { backend: 'wasm', threads: 2, reason: '' };
const model: ModelInfo = {
  label: 'tiny',
  family: 'gpt2',
  architecture: 'gpt2',
  isCausal: true,
  layerCount: 4,
  width: 8,
  headCount: 2,
  vocabularySize: 100,
  maxPositions: 128,
  parameterCount: 1,
  weightBytes: 4,
  components: [],
};
const work = { cells: 10, batches: 1, rows: 10, rowLayers: 40, tokenLayers: 400 };

function memory() {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
}

test('before any run the time is guessed from the prompt alone, and without that nothing is shown', () => {
  const prediction = {
    tokens: Array.from({ length: 5 }, (_, id) => ({ id, text: 'a', isSpecial: false })),
    candidates: [],
    elapsedMs: 40,
  };
  expect(estimateTime(memory(), device, model, 'trace', work, null)).toBeNull();
  // 40 ms for 5 tokens through 4 layers are 2 ms each, and in a batch a quarter of that.
  expect(estimateTime(memory(), device, model, 'trace', work, prediction)).toEqual({
    ms: 200,
    kind: 'guessed',
  });
});

test('a trace that ran is what the next one is estimated from, on that device and model only', () => {
  const kept = memory();
  learnSpeed(kept, device, model, 'trace', work, 200);
  expect(estimateTime(kept, device, model, 'trace', work, null)).toEqual({ ms: 200, kind: 'learned' });
  learnSpeed(kept, device, model, 'trace', work, 100);
  expect(estimateTime(kept, device, model, 'trace', work, null)?.ms).toBeCloseTo(130);
  expect(estimateTime(kept, device, model, 'align', work, null)).toBeNull();
  expect(estimateTime(kept, { ...device, backend: 'webgpu' }, model, 'trace', work, null)).toBeNull();
});

test('time left follows the part that is done, and what was learned before that', () => {
  expect(timeLeft(0, 0, null)).toBeNull();
  expect(timeLeft(100, 0, 1000)).toBe(900);
  expect(timeLeft(1000, 0.5, null)).toBe(1000);
  expect(timeLeft(1000, 0.5, 100)).toBe(1000);
  expect(timeLeft(1000, 1, 100)).toBe(0);
  // Half was done before: of the other half a fifth took 1000 ms.
  expect(timeLeft(1000, 0.6, null, 0.5)).toBeCloseTo(4000);
  expect(timeLeft(0, 0.5, 1000, 0.5)).toBe(500);
});
