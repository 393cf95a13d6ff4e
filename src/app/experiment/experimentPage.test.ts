import { expect, test, vi } from 'vitest';
import { readTraceExperiment } from '../../experiments/trace/experiment.ts';
import type { TraceResult } from '../../experiments/trace/result.ts';
import type { Engine, ExperimentOptions, ModelInfo } from '../../worker/protocol.ts';
import { subjectOf } from '../trace/document.ts';
import { createWorkbench, type Workbench } from '../workbench.ts';
import { figureStatus } from './figureStatus.ts';
import type { ResultKeeper } from './keptResults.ts';
import { createRunDesk, inTheWay } from './runDesk.ts';
import { isShownCurrent } from './session.ts';

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

/** A run gives its baselines and its first cell, and waits for `go` or the signal. */
function fakeEngine() {
  const calls: {
    readonly done: number;
    readonly go: () => void;
    /** Hand over one more cell, whatever has become of the call. */
    readonly last: (at: number) => void;
  }[] = [];
  const refuse = () => Promise.reject(new Error('not part of this test'));
  const engine: Engine = {
    device: async () => ({ backend: 'wasm', threads: 1, reason: '' }),
    loadModel: async (source) => ({ ...model, ...('label' in source ? { label: source.label } : {}) }),
    tokenize: async (text) => tokensOf(text),
    predict: async (text) => ({ tokens: tokensOf(text), candidates: [], elapsedMs: 1 }),
    describeTokens: refuse,
    intervene: refuse,
    estimateSockets: refuse,
    meanActivation: refuse,
    alignTask: refuse,
    alignOwnAnswers: refuse,
    alignLearned: refuse,
    finetuneExamples: refuse,
    finetuneFill: refuse,
    generate: refuse,
    writeChat: refuse,
    estimate: refuse,
    cache: async () => ({ isAvailable: false, models: [], sizeBytes: 0 }),
    forget: refuse,
    run: async (given, { signal, onUpdate, earlier }: ExperimentOptions = {}) => {
      const experiment = readTraceExperiment(given);
      const { subject } = experiment;
      if (typeof subject === 'string' || 'patches' in subject || 'seconds' in subject)
        throw new Error('the page gives ranges');
      const tokens = tokensOf(String(experiment.prompt));
      const began: TraceResult = {
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
        streams: (experiment.streams ?? []).map(({ component, window = 1 }) => ({
          component,
          window,
          cells: tokens.flatMap(() => [null, null]),
        })),
        notices: [],
      };
      const before = earlier as TraceResult | undefined; // this engine's own
      const send = (change: unknown) => onUpdate?.({ of: 'trace', change });
      send({ kind: 'started', result: before ?? began });
      const all = (experiment.streams ?? []).flatMap((_, stream) =>
        [0, 1].flatMap((layer) => began.positions.map((position) => ({ stream, layer, position, samples }))),
      );
      send({ kind: 'cells', cells: all.slice(0, 1) });
      await new Promise<void>((resolve, reject) => {
        const done =
          before?.streams.flatMap(({ cells }) => cells).filter((cell) => cell !== null).length ?? 0;
        const last = (at: number) => send({ kind: 'cells', cells: all.slice(at, at + 1) });
        calls.push({ done, go: resolve, last });
        signal?.addEventListener('abort', () => reject(new DOMException('stopped', 'AbortError')));
      });
      send({ kind: 'cells', cells: all.slice(1) });
      return { elapsedMs: 5 };
    },
  };
  return { engine, calls };
}

type Bench = Workbench & { readonly calls: ReturnType<typeof fakeEngine>['calls'] };

async function bench(keeper?: ResultKeeper): Promise<Bench> {
  const { engine, calls } = fakeEngine();
  const made = createWorkbench({
    engine,
    embedded: { label: 'tiny', url: '', isServed: async () => true },
    memory: { getItem: () => null, setItem: () => {} },
    address: { fragment: () => '', push: () => {}, replace: () => {}, onMove: () => {} },
    examples: [],
    ...(keeper ? { keeper } : {}),
  });
  await ready(made);
  return { ...made, calls };
}

const ready = ({ trace }: Workbench) => vi.waitFor(() => expect(trace.store.getState().key).not.toBeNull());
const started = (calls: readonly unknown[], count: number) =>
  vi.waitFor(() => expect(calls).toHaveLength(count));
const ended = ({ trace }: Workbench) =>
  vi.waitFor(() => expect(trace.store.getState().run.status).not.toBe('running'));
const isCurrent = ({ trace }: Workbench) =>
  isShownCurrent(trace.store.getState().shown, trace.store.getState());
const prompt = ({ trace }: Workbench) => trace.store.getState().history.present.prompt;
const louvre = {
  kind: 'trace',
  version: 1,
  model: 'tiny',
  prompt: 'The Louvre is in',
  subject: 'Louvre',
} as const;

async function ran(made: Bench): Promise<void> {
  const count = made.calls.length + 1;
  const run = made.trace.start();
  await started(made.calls, count);
  made.calls[count - 1]?.go();
  await run;
}

test('the subject is guessed when the tokens come, and marking one replaces the guess', async () => {
  const { trace } = await bench();
  const draft = () => trace.store.getState().draft;
  expect(draft()).toMatchObject({ subject: [1, 3], isSubjectGuessed: true });
  const { tokens } = draft();
  trace.edit((document) => ({
    ...document,
    subject: subjectOf(document.prompt, tokens ?? [], [0, 1], 'tiny'),
  }));
  expect(draft()).toMatchObject({ subject: [0, 1], isSubjectGuessed: false });
});

test('a cancelled run keeps its cells, and the resumed one is given them', async () => {
  const made = await bench();
  const { trace, calls } = made;
  const run = trace.start();
  await started(calls, 1);
  trace.cancel();
  await run;
  expect(trace.store.getState().run.status).toBe('stopped');
  expect(trace.store.getState().shown?.result.streams[0]?.cells[0]).toEqual(samples);
  const resumed = trace.resume();
  await started(calls, 2);
  expect(calls[1]?.done).toBe(1);
  calls[1]?.go();
  await resumed;
  const { shown, run: after } = trace.store.getState();
  expect(after.status).toBe('idle');
  expect(shown?.result.streams.every(({ cells }) => cells.every((each) => each !== null))).toBe(true);
});

test('what a cancelled run still had is taken, until another run has begun', async () => {
  const made = await bench();
  const { trace, calls } = made;
  const done = () =>
    trace.store
      .getState()
      .shown?.result.streams.flatMap(({ cells }) => cells.filter((cell) => cell !== null));
  const run = trace.start();
  await started(calls, 1);
  trace.cancel();
  await run;
  expect(done()).toHaveLength(1);
  calls[0]?.last(1);
  expect(done()).toHaveLength(2);
  expect(trace.store.getState().run.status).toBe('stopped');
  const resumed = trace.resume();
  await started(calls, 2);
  expect(calls[1]?.done).toBe(2);
  calls[0]?.last(2);
  expect(done()).toHaveLength(2);
  calls[1]?.go();
  await resumed;
});

test('what is shown is of an earlier input from the first change on, and current again when that is undone', async () => {
  const made = await bench();
  await ran(made);
  expect(isCurrent(made)).toBe(true);
  made.trace.edit((document) => ({ ...document, seed: '2' }), 'seed');
  expect(isCurrent(made)).toBe(false);
  made.trace.undo();
  expect(isCurrent(made)).toBe(true);
  made.trace.redo();
  expect(isCurrent(made)).toBe(false);
});

test('undo during a run shows the earlier figure, and the run goes on to one that redo brings back', async () => {
  const made = await bench();
  await ran(made);
  made.trace.edit((document) => ({ ...document, seed: '2' }));
  const run = made.trace.start();
  await started(made.calls, 2);
  made.trace.undo();
  expect(isCurrent(made)).toBe(true);
  expect(made.trace.store.getState().run.status).toBe('running');
  made.calls[1]?.go();
  await run;
  expect(isCurrent(made)).toBe(true);
  expect(made.trace.store.getState().shown?.result.experiment.corruption).toMatchObject({ seed: 1 });
  made.trace.redo();
  expect(isCurrent(made)).toBe(true);
  expect(made.trace.store.getState().shown?.result.experiment.corruption).toMatchObject({ seed: 2 });
});

test('an experiment that is opened runs when its model and its tokens are there', async () => {
  const made = await bench();
  made.trace.openExperiment(louvre);
  await started(made.calls, 1);
  expect(prompt(made)).toBe('The Louvre is in');
  expect(made.trace.store.getState().draft.subject).toEqual([1, 2]);
  made.calls[0]?.go();
  await ended(made);
  const result = made.trace.store.getState().shown?.result;
  // The experiment names no windows: in two layers a third of the model is one.
  expect(result?.streams.map(({ window }) => window)).toEqual([1, 1, 1]);
  expect(result?.experiment.prompt).toBe('The Louvre is in');
});

test('an experiment of another model waits for it, and begins when that comes', async () => {
  const made = await bench();
  made.trace.openExperiment({ ...louvre, model: 'owner/other@main', subject: [1, 2] });
  await vi.waitFor(() => expect(made.trace.store.getState().draft.tokens).toHaveLength(4));
  expect(made.calls).toHaveLength(0);
  expect(made.trace.store.getState().opened?.experiment.model).toBe('owner/other@main');
  await made.model.getState().start('embedded', 'x', { kind: 'url', url: '', label: 'owner/other@main' });
  await started(made.calls, 1);
  made.calls[0]?.go();
  await ended(made);
  expect(isCurrent(made)).toBe(true);
});

test('what nobody asked for gives way to an edit; what a person started does not', async () => {
  const made = await bench();
  made.trace.openExperiment(louvre);
  await started(made.calls, 1);
  made.setPrompt('The Rhine is in');
  await ended(made);
  await ready(made);
  const run = made.trace.start();
  await started(made.calls, 2);
  made.trace.edit((document) => ({ ...document, seed: '2' }));
  expect(made.trace.store.getState().run.status).toBe('running');
  made.calls[1]?.go();
  await run;
});

test('a run that another page takes over is stopped on its own page', async () => {
  const made = await bench();
  made.trace.openExperiment(louvre);
  await started(made.calls, 1);
  expect(made.trace.store.getState().run.status).toBe('running');
  const other = made.desk.begin({ page: 'Patch', isAsked: true });
  expect(other).not.toBeNull();
  await ended(made);
  expect(made.trace.store.getState().run.status).toBe('stopped');
  expect(made.desk.getState().run?.page).toBe('Patch');
});

test('a result of other weights under the same name is not taken for current', async () => {
  const made = await bench();
  await ran(made);
  const { shown, key, world } = made.trace.store.getState();
  if (shown === null || world.model === null) throw new Error('nothing was computed');
  const before = {
    ...shown,
    result: { ...shown.result, model: { ...shown.result.model, fingerprint: 'a' } },
  };
  const using = (fingerprint: string) => ({ key, world: { ...world, model: { ...model, fingerprint } } });
  expect(isShownCurrent(before, using('a'))).toBe(true);
  expect(isShownCurrent(before, using('b'))).toBe(false);
  const state = { ...made.trace.store.getState(), ...using('b') };
  expect(figureStatus(made.trace.definition, before, state)).toMatchObject({
    kind: 'stale',
    words: 'Of other weights of the same name',
  });
});

test('a document opened while another is half typed says so, and one undo brings that back', async () => {
  const made = await bench();
  made.trace.edit((document) => ({ ...document, samples: '1e' }), 'samples');
  made.trace.openExperiment(louvre);
  expect(made.trace.store.getState().hasReplaced).toBe(true);
  made.trace.undo();
  expect(made.trace.store.getState().history.present.samples).toBe('1e');
  expect(made.trace.store.getState().hasReplaced).toBe(false);
  made.trace.openExperiment(louvre);
  made.trace.openExperiment({ ...louvre, prompt: 'The Louvre Museum is in' });
  expect(made.trace.store.getState().hasReplaced).toBe(false);
});

test('a result that is opened shows its figure without a run, and is checked like any file', async () => {
  const made = await bench();
  await ran(made);
  const saved: unknown = JSON.parse(JSON.stringify(made.trace.store.getState().shown?.result));
  made.setPrompt('Something else');
  made.trace.openResult(saved);
  await ready(made);
  expect(made.trace.store.getState().shown?.origin).toBe('file');
  expect(isCurrent(made)).toBe(true);
  expect(made.calls).toHaveLength(1);
  const half = JSON.parse(JSON.stringify(saved), (name, value: unknown) =>
    name === 'cells' && Array.isArray(value) ? value.slice(1) : value,
  );
  expect(() => made.trace.openResult(half)).toThrow(/a cell for each layer and position/);
  expect(() => made.trace.openResult({ ...Object(saved), version: 9 })).toThrow(/Use a newer Patchbay/);
  expect(isCurrent(made)).toBe(true);
});

test('a finished run is kept, and opening its experiment again shows it without a run', async () => {
  const kept = new Map<string, unknown>();
  const keeper: ResultKeeper = {
    keep: async (key, result) => void kept.set(key, JSON.parse(JSON.stringify(result))),
    find: async (key) => kept.get(key) ?? null,
    forget: async (key) => void kept.delete(key),
  };
  const first = await bench(keeper);
  await ran(first);
  await vi.waitFor(() => expect(kept.size).toBe(1));
  // As the link in the address holds it.
  const shared: unknown = JSON.parse(JSON.stringify(first.trace.shared()));
  const second = await bench(keeper);
  second.trace.openExperiment(shared);
  await vi.waitFor(() => expect(second.trace.store.getState().shown?.origin).toBe('kept'));
  await ready(second);
  expect(isCurrent(second)).toBe(true);
  expect(second.calls).toHaveLength(0);
});

test('one run goes at a time: a person’s run is not taken by another page, and others give way', () => {
  const desk = createRunDesk();
  const quiet = desk.begin({ page: 'Trace', isAsked: false });
  expect(desk.begin({ page: 'Patch', isAsked: false })).toBeNull();
  const asked = desk.begin({ page: 'Patch', isAsked: true });
  expect(quiet?.signal.aborted).toBe(true);
  expect(inTheWay(desk.getState(), { page: 'Trace', isAsked: true })).toEqual({
    page: 'Patch',
    isAsked: true,
  });
  expect(desk.begin({ page: 'Trace', isAsked: true })).toBeNull();
  expect(asked?.signal.aborted).toBe(false);
  quiet?.end();
  expect(desk.getState().run).not.toBeNull();
  asked?.end();
  expect(desk.getState().run).toBeNull();
});
