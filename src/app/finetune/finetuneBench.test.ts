// What the page of finetuning keeps of its examples: no more than it shows and a little, and nothing of another document.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createStore } from 'zustand/vanilla';
import { readFinetuneExperiment } from '../../experiments/finetune/experiment.ts';
import type { Engine, ModelInfo } from '../../worker/protocol.ts';
import type { PageState } from '../experiment/session.ts';
import { createFinetuneBench, exampleKey, mostBeside } from './finetuneBench.ts';
import type { FinetuneTypes } from './page.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const model: ModelInfo = {
  ...{ label: 'tiny', family: 'gpt2', architecture: 'gpt2', isCausal: true, layerCount: 2, width: 8 },
  ...{
    headCount: 2,
    vocabularySize: 100,
    maxPositions: 32,
    parameterCount: 1,
    weightBytes: 4,
    components: [],
  },
};
const example = (prompt: string) => ({ prompt, continuation: ' b' });
const described = { prompt: [], continuation: [], mask: null, acts: [], stacks: [], problem: null };

function bench() {
  const finetuneExamples = vi.fn<Engine['finetuneExamples']>(async ({ examples }) =>
    examples.map(() => described),
  );
  const refuse = () => Promise.reject(new Error('not part of this test'));
  const store = createStore<Pick<PageState<FinetuneTypes>, 'opened' | 'world'>>(() => ({
    opened: null,
    world: { model, readings: [] },
  }));
  const made = createFinetuneBench({ finetuneExamples, finetuneFill: refuse, generate: refuse }, { store });
  const open = () => {
    const experiment = readFinetuneExperiment({
      ...{ kind: 'finetune', version: 1, model: 'tiny', data: [example('a')] },
      adapters: [{ type: 'SteeringVector', layers: [0] }],
    });
    store.setState({ opened: { experiment, runs: 'not', isFetching: false } });
  };
  const look = async (prompts: readonly string[]) => {
    made.describe({ adapters: [], examples: prompts.map(example) }, model);
    await vi.runAllTimersAsync();
  };
  const has = (prompt: string) => made.store.getState().described.has(exampleKey(example(prompt)));
  return { ...made, open, look, has, finetuneExamples };
}

test('what was typed on the way to an example is kept for a while, and what is in view always', async () => {
  const { store, look, has } = bench();
  const typed = Array.from({ length: 2 * mostBeside }, (_, at) => `prompt ${at}`);
  for (const prompt of typed) await look(['in view', prompt]);
  // Both rows that are in view, and the latest of those that were.
  expect(store.getState().described.size).toBe(mostBeside + 2);
  expect([has('in view'), has('prompt 0'), has(`prompt ${mostBeside}`)]).toEqual([true, false, true]);
});

test('of another document nothing is kept, and what was asked for the one before does not come into it', async () => {
  const { store, look, open, has, set, finetuneExamples } = bench();
  await look(['a']);
  set({ from: 16, list: 'testData' });
  let answer = () => {};
  finetuneExamples.mockImplementationOnce(
    () => new Promise((resolve) => (answer = () => resolve([described]))),
  );
  await look(['a', 'late']);
  open();
  expect(store.getState()).toMatchObject({ from: 0, list: 'data', refusal: null });
  expect([...store.getState().described]).toEqual([]);
  // What both documents have is asked for again.
  await look(['a']);
  expect(finetuneExamples).toHaveBeenCalledTimes(3);
  expect(has('a')).toBe(true);
  answer();
  await vi.runAllTimersAsync();
  expect(has('late')).toBe(false);
  let fail = () => {};
  finetuneExamples.mockImplementationOnce(
    () => new Promise((_, reject) => (fail = () => reject(new Error('Example 1 is too long.')))),
  );
  await look(['long']);
  open();
  await look(['a']);
  fail();
  await vi.runAllTimersAsync();
  expect(store.getState().refusal).toBeNull();
  expect(has('a')).toBe(true);
});
