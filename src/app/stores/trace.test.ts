import { expect, test, vi } from 'vitest';
import { readTraceExperiment } from '../../experiments/trace/experiment.ts';
import type { TraceResult } from '../../experiments/trace/result.ts';
import type { Engine, ModelInfo, TraceOptions } from '../../worker/protocol.ts';
import { createWorkbench, type Workbench } from '../workbench.ts';
import { isShownCurrent } from './trace.ts';

const model: ModelInfo = {
  label: 'tiny',
  family: 'gpt2',
  architecture: 'gpt2',
  isCausal: true,
  layerCount: 2,
  width: 8,
  headCount: 2,
  vocabularySize: 100,
  maxPositions: 32,
  parameterCount: 1,
  weightBytes: 4,
  components: [],
};

const samples = {
  answerLogit: [-1],
  logSumExp: [0],
  rank: [1],
  divergence: [0],
  topIds: [[7]],
  topLogits: [[-1]],
};
const tokensOf = (text: string) =>
  text
    .split(' ')
    .map((word, index) => ({ id: index, text: index === 0 ? word : ` ${word}`, isSpecial: false }));

/** A trace gives its baselines and its first cell, and waits for `go` or the signal. */
function fakeEngine() {
  const calls: { readonly done: number; readonly go: () => void }[] = [];
  const refuse = () => Promise.reject(new Error('not part of this test'));
  const engine: Engine = {
    device: async () => ({ backend: 'wasm', threads: 1, reason: '' }),
    loadModel: async () => model,
    tokenize: async (text) => tokensOf(text),
    predict: async (text) => ({ tokens: tokensOf(text), candidates: [], elapsedMs: 1 }),
    describeTokens: refuse,
    estimateTrace: refuse,
    intervene: refuse,
    estimateSockets: refuse,
    meanActivation: refuse,
    estimate: refuse,
    run: refuse,
    cache: async () => ({ isAvailable: false, models: [], sizeBytes: 0 }),
    forget: refuse,
    trace: async (experiment, { signal, onPart, done = [] }: TraceOptions = {}) => {
      const tokens = tokensOf(String(experiment.prompt));
      const subject = experiment.subject;
      if (typeof subject === 'string') throw new Error('the page gives ranges');
      const result: TraceResult = {
        kind: 'trace-result',
        version: 1,
        experiment,
        model: { label: model.label, modelType: 'gpt2', parameterCount: 1 },
        backend: { kind: 'wasm', description: '' },
        tokens: tokens.map(({ id, text }) => ({ id, text })),
        subject,
        answer: { id: 7, text: ' d' },
        level: 0.25,
        samples: 1,
        layerCount: 2,
        positions: tokens.map(({ id }) => id),
        clean: samples,
        corrupted: samples,
        streams: experiment.streams.map(({ component, window = 1 }) => ({
          component,
          window,
          cells: tokens.flatMap(() => [null, null]),
        })),
        notices: [],
      };
      onPart?.({ kind: 'started', result });
      const all = experiment.streams.flatMap((_, stream) =>
        [0, 1].flatMap((layer) => result.positions.map((position) => ({ stream, layer, position, samples }))),
      );
      onPart?.({ kind: 'cells', cells: all.slice(0, 1) });
      await new Promise<void>((resolve, reject) => {
        calls.push({ done: done.length, go: resolve });
        signal?.addEventListener('abort', () => reject(new DOMException('stopped', 'AbortError')));
      });
      onPart?.({ kind: 'cells', cells: all.slice(1) });
      return { elapsedMs: 5 };
    },
  };
  return { engine, calls };
}

async function bench(): Promise<Workbench & { readonly calls: ReturnType<typeof fakeEngine>['calls'] }> {
  const { engine, calls } = fakeEngine();
  const made = createWorkbench({
    engine,
    embedded: { label: 'tiny', url: '', isServed: async () => true },
    memory: { getItem: () => null, setItem: () => {} },
    address: { fragment: () => '', push: () => {}, replace: () => {}, onMove: () => {} },
    examples: [],
  });
  await vi.waitFor(() => expect(made.trace.getState().draft().key).not.toBeNull());
  return { ...made, calls };
}

const started = (calls: readonly unknown[], count: number) =>
  vi.waitFor(() => expect(calls).toHaveLength(count));

test('the subject is guessed when the tokens come, and marking one replaces the guess', async () => {
  const { trace } = await bench();
  expect(trace.getState()).toMatchObject({ inputs: { subject: [1, 3] }, isSubjectGuessed: true });
  trace.getState().mark([0, 1]);
  expect(trace.getState()).toMatchObject({ inputs: { subject: [0, 1] }, isSubjectGuessed: false });
});

test('a cancelled run keeps its cells, and the resumed one is given them', async () => {
  const { trace, calls } = await bench();
  const run = trace.getState().start();
  await started(calls, 1);
  trace.getState().cancel();
  await run;
  expect(trace.getState().run.status).toBe('stopped');
  expect(trace.getState().shown?.result.streams[0]?.cells[0]).toEqual(samples);
  const resumed = trace.getState().resume();
  await started(calls, 2);
  expect(calls[1]?.done).toBe(1);
  calls[1]?.go();
  await resumed;
  const { shown, run: after } = trace.getState();
  expect(after.status).toBe('idle');
  expect(shown?.result.streams.every(({ cells }) => cells.every((each) => each !== null))).toBe(true);
});

test('what is shown is of an earlier input from the first change on, and current again when that is undone', async () => {
  const { trace, calls } = await bench();
  const run = trace.getState().start();
  await started(calls, 1);
  calls[0]?.go();
  await run;
  const isCurrent = () => isShownCurrent(trace.getState().shown, trace.getState().draft());
  expect(isCurrent()).toBe(true);
  trace.getState().edit({ seed: '2' });
  expect(isCurrent()).toBe(false);
  trace.getState().edit({ seed: '1' });
  expect(isCurrent()).toBe(true);
});

test('an experiment that is opened runs when its model and its tokens are there', async () => {
  const { trace, prompt, calls } = await bench();
  const experiment = readTraceExperiment({
    kind: 'trace',
    version: 1,
    model: 'tiny',
    prompt: 'The Louvre is in',
    subject: 'Louvre',
  });
  trace.getState().open(experiment, 'openly');
  await started(calls, 1);
  expect(prompt.getState().text).toBe('The Louvre is in');
  expect(trace.getState().inputs.subject).toEqual([1, 2]);
  calls[0]?.go();
  // The experiment names no windows: in two layers a third of the model is one.
  await vi.waitFor(() => expect(trace.getState().run.status).toBe('idle'));
  const result = trace.getState().shown?.result;
  expect(result?.streams.map(({ window }) => window)).toEqual([1, 1, 1]);
  expect(result?.experiment.prompt).toBe('The Louvre is in');
});

test('an experiment of another model waits for it', async () => {
  const { trace, calls } = await bench();
  const experiment = readTraceExperiment({
    kind: 'trace',
    version: 1,
    model: 'owner/other@main',
    prompt: 'The Louvre is in',
    subject: [1, 2],
  });
  trace.getState().open(experiment, 'openly');
  await vi.waitFor(() => expect(trace.getState().draft().tokens).toHaveLength(4));
  expect(calls).toHaveLength(0);
  expect(trace.getState().pending?.experiment.model).toBe('owner/other@main');
});
