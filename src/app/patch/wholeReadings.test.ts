// Prompts of a model that reads more than a text, as they are asked for: what is in view belongs to what stands in the
// document, whatever comes back when.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { emptyDocument, withBeside } from './document.ts';
import { createWholeReadings, promptKey, type Reader, type ReadingModel } from './wholeReadings.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const model: ReadingModel = { label: 'small', fingerprint: 'f', reads: { kind: 'text' } };
const picturing: ReadingModel = {
  label: 'eyes',
  fingerprint: 'g',
  reads: { kind: 'image', isAlone: true },
};
const plain: ReadingModel = { label: 'plain', fingerprint: 'h' };

/** Answers when it is told to. */
function slowEngine() {
  const waiting: { readonly prompt: unknown; readonly answer: () => void }[] = [];
  const engine: Reader = {
    intervene: ({ base }) =>
      new Promise((resolve) => {
        waiting.push({ prompt: base, answer: () => resolve({ base: [], before: [] }) });
      }),
    describeTokens: async () => [],
  };
  return { engine, waiting };
}

const typed = (base: string) => ({ ...emptyDocument, base });

test('a prompt that stands there again is what is in view, whatever the one between brings', async () => {
  const { engine, waiting } = slowEngine();
  const readings = createWholeReadings(engine);
  readings.follow(typed('a'), model);
  await vi.advanceTimersByTimeAsync(1000);
  waiting[0]?.answer();
  await vi.advanceTimersByTimeAsync(0);
  expect(readings.getState()[0]).toMatchObject({ key: promptKey(typed('a'), 0, model), tokens: [] });

  readings.follow(typed('a b'), model);
  await vi.advanceTimersByTimeAsync(1000);
  expect(waiting).toHaveLength(2);
  readings.follow(typed('a'), model);
  waiting[1]?.answer();
  await vi.advanceTimersByTimeAsync(0);
  expect(readings.getState()[0]).toMatchObject({ key: promptKey(typed('a'), 0, model) });
});

test('a model that reads one text may follow while only the source was read', async () => {
  const { engine, waiting } = slowEngine();
  const readings = createWholeReadings(engine);
  readings.follow({ ...emptyDocument, sources: ['b'] }, model);
  await vi.advanceTimersByTimeAsync(1000);
  expect(waiting).toHaveLength(1);
  readings.follow({ ...emptyDocument, sources: ['b'] }, plain);
  expect(readings.getState()).toEqual([]);
});

test('the same weights read a picture anew where their files say otherwise what they see of it', () => {
  const image = { name: 'a.png', sha256: '0'.repeat(64), data: 'AAAA' };
  const given = withBeside(emptyDocument, 0, { image });
  const seeing = (resample: number): ReadingModel => ({
    ...picturing,
    reads: {
      ...{ kind: 'image', isAlone: true, positions: 37 },
      picture: { settings: { resample }, shape: [3, 24, 24], family: 'vit' },
    },
  });
  expect(promptKey(given, 0, seeing(2))).toBe(promptKey(given, 0, seeing(2)));
  expect(promptKey(given, 0, seeing(2))).not.toBe(promptKey(given, 0, seeing(3)));
});

test('pictures of one name without a hash are told apart by their bytes', () => {
  const seen = (data: string) => withBeside(emptyDocument, 0, { image: { name: 'a.png', data } });
  expect(promptKey(seen('AAAA'), 0, picturing)).not.toBe(promptKey(seen('BBBB'), 0, picturing));
  const hashed = (data: string) =>
    withBeside(emptyDocument, 0, { image: { name: 'a.png', sha256: '0'.repeat(64), data } });
  expect(promptKey(hashed('AAAA'), 0, picturing)).not.toContain('AAAA');
});
