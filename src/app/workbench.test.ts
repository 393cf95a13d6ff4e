import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readTraceExperiment } from '../experiments/trace/experiment.ts';
import type { CacheInfo, Engine, ModelInfo, Prediction, Progress } from '../worker/protocol.ts';
import type { EmbeddedModel } from './model/modelStore.ts';
import { isCurrent } from './prompt/promptStore.ts';
import { createWorkbench } from './workbench.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const info = (label: string, maxPositions = 1024): ModelInfo => ({
  label,
  family: 'gpt2',
  architecture: 'gpt2',
  isCausal: true,
  layerCount: 2,
  width: 8,
  headCount: 2,
  vocabularySize: 100,
  maxPositions,
  parameterCount: 1000,
  weightBytes: 4000,
  components: [],
});

const nothingKept: CacheInfo = { isAvailable: true, models: [], sizeBytes: 0 };

/** Words are tokens; the prediction repeats the text. A load hangs, fails or ends as the repository's name says. */
function engine(maxPositions?: number): Engine & { readonly predicted: string[] } {
  const tokensOf = (text: string) =>
    text.split(' ').map((word, id) => ({ id, text: word, isSpecial: false }));
  const missing = () => Promise.reject(new Error('not part of this test'));
  return {
    predicted: [],
    device: async () => ({ backend: 'wasm', threads: 2, reason: '' }),
    async loadModel(source, options) {
      const name = source.kind === 'hub' ? source.repository : 'embedded';
      if (name === 'broken') throw new Error('The header ends early.');
      if (name === 'slow') {
        const step: Progress = { stage: 'Reading', done: 1, total: 4, unit: 'bytes' };
        options?.onProgress?.(step);
        await new Promise((_, reject) => {
          options?.signal?.addEventListener('abort', () => reject(new DOMException('stopped', 'AbortError')));
        });
      }
      return info(name, maxPositions);
    },
    tokenize: async (text) => tokensOf(text),
    describeTokens: async () => [],
    intervene: missing,
    estimateSockets: missing,
    meanActivation: missing,
    alignTask: missing,
    alignOwnAnswers: missing,
    alignLearned: missing,
    finetuneExamples: missing,
    finetuneFill: missing,
    generate: missing,
    writeChat: missing,
    estimate: missing,
    run: missing,
    async predict(text): Promise<Prediction> {
      this.predicted.push(text);
      return { tokens: tokensOf(text), candidates: [], elapsedMs: 1 };
    },
    cache: async () => nothingKept,
    forget: async () => nothingKept,
  };
}

const absent: EmbeddedModel = { label: 'tiny', url: '', isServed: async () => false };
const memory = { getItem: () => null, setItem: () => {} };

const address = { fragment: () => '', push: () => {}, replace: () => {}, onMove: () => {} };

const example = readTraceExperiment({
  kind: 'trace',
  version: 1,
  model: 'tiny',
  prompt: 'a b',
  subject: [0, 1],
});

const bench = (fake: Engine, embedded = absent) =>
  createWorkbench({ engine: fake, embedded, memory, address, examples: [] });

const hub = (repository: string) => ({ kind: 'hub', repository, revision: 'main', hubUrl: '' }) as const;
const settle = (ms = 1000) => vi.advanceTimersByTimeAsync(ms);

test('the embedded model loads by itself when it is served, and only then', async () => {
  const served = bench(engine(), { ...absent, isServed: async () => true });
  const bare = bench(engine());
  await settle();
  expect(served.model.getState().info?.label).toBe('embedded');
  expect(bare.model.getState()).toMatchObject({ info: null, isEmbeddedServed: false });
});

test('a list of models stays open when the embedded one begins to load under it by itself, and closes with a load of its own', async () => {
  const { page, model } = bench(engine(), { ...absent, isServed: async () => true });
  page.getState().open('model');
  await settle();
  expect(model.getState().info?.label).toBe('embedded');
  expect(page.getState().dialog).toBe('model');
  await model.getState().start('hub', 'other', hub('other'));
  expect(page.getState().dialog).toBeNull();
});

test('the embedded model waits for the stored figure, which is far smaller', async () => {
  let arrive = (_: null): void => {};
  const arrival = new Promise<null>((resolve) => {
    arrive = resolve;
  });
  const { model } = createWorkbench({
    engine: engine(),
    embedded: { ...absent, isServed: async () => true },
    memory,
    address,
    examples: [{ name: 'first', title: 'First', texts: ['a b'], experiment: example, result: () => arrival }],
  });
  await settle();
  expect(model.getState()).toMatchObject({ isEmbeddedServed: true, info: null, load: { status: 'idle' } });
  arrive(null);
  await settle();
  expect(model.getState().info?.label).toBe('embedded');
});

test('a load that fails or is cancelled leaves the previous model in use', async () => {
  const { model, status } = bench(engine());
  await model.getState().start('hub', 'first', hub('first'));
  const { info: first } = model.getState();
  expect(first?.label).toBe('first');

  await model.getState().start('hub', 'broken', hub('broken'));
  expect(model.getState().load).toEqual({
    status: 'failed',
    origin: 'hub',
    label: 'broken',
    message: 'The header ends early.',
  });
  expect(model.getState().info).toBe(first);
  expect(status.getState().sentence).toBe('broken was not loaded. The header ends early.');

  const slow = model.getState().start('hub', 'slow', hub('slow'));
  expect(model.getState().load).toMatchObject({ status: 'loading', progress: { done: 1, total: 4 } });
  model.getState().cancel();
  await slow;
  expect(model.getState().load).toEqual({ status: 'idle' });
  expect(model.getState().info).toBe(first);
  expect(status.getState().sentence).toBe('Loading slow was cancelled.');
});

test('a second load takes over from the first', async () => {
  const { model } = bench(engine());
  const slow = model.getState().start('hub', 'slow', hub('slow'));
  await model.getState().start('hub', 'quick', hub('quick'));
  await slow;
  expect(model.getState()).toMatchObject({ info: { label: 'quick' }, load: { status: 'idle' } });
});

test('typing runs the model once, after a pause, and what is shown meanwhile counts as out of date', async () => {
  const fake = engine();
  const { model, prompt, setPrompt } = bench(fake);
  await model.getState().start('hub', 'first', hub('first'));
  await settle();
  fake.predicted.length = 0;

  for (const text of ['a', 'a b', 'a b c']) {
    setPrompt(text);
    const { prediction } = prompt.getState();
    expect(isCurrent(prediction, text, model.getState().info)).toBe(false);
    await settle(50);
  }
  expect(fake.predicted).toEqual([]);
  await settle();
  expect(fake.predicted).toEqual(['a b c']);
  const { prediction, tokens } = prompt.getState();
  expect(isCurrent(prediction, 'a b c', model.getState().info)).toBe(true);
  expect(tokens?.value).toHaveLength(3);
});

test('another model makes the results of the last one out of date, and runs again', async () => {
  const fake = engine();
  const { model, prompt } = bench(fake);
  await model.getState().start('hub', 'first', hub('first'));
  await settle();
  const { prediction } = prompt.getState();
  await model.getState().start('hub', 'second', hub('second'));
  expect(isCurrent(prediction, prompt.getState().text, model.getState().info)).toBe(false);
  await settle();
  expect(isCurrent(prompt.getState().prediction, prompt.getState().text, model.getState().info)).toBe(true);
  expect(fake.predicted).toHaveLength(2);
});

test('a prompt longer than the model reads is not run, and an empty one neither', async () => {
  const fake = engine(3);
  const { model, prompt, setPrompt } = bench(fake);
  setPrompt('');
  await model.getState().start('hub', 'first', hub('first'));
  await settle();
  expect(prompt.getState().run).toEqual({ status: 'idle' });
  setPrompt('a b c d');
  await settle();
  expect(prompt.getState().run).toEqual({ status: 'tooLong', count: 4, limit: 3 });
  setPrompt('a b c');
  await settle();
  expect(prompt.getState().run).toEqual({ status: 'idle' });
  expect(fake.predicted).toEqual(['a b c']);
});
