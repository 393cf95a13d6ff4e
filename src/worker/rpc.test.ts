import { afterEach, expect, test } from 'vitest';
import type { Update } from '../experiments/kind.ts';
import { readTraceExperiment } from '../experiments/trace/experiment.ts';
import { connectEngine } from './client.ts';
import type { CallOptions, Engine, ModelSource, Progress } from './protocol.ts';
import { serveEngine } from './rpc.ts';

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

/** An engine of which a test writes the calls it needs. */
function connect(calls: Partial<Engine>): Engine {
  const missing = () => Promise.reject(new Error('not part of this test'));
  const channel = new MessageChannel();
  ports.push(channel.port1, channel.port2);
  serveEngine(
    {
      device: missing,
      loadModel: missing,
      tokenize: missing,
      predict: missing,
      cache: missing,
      forget: missing,
      describeTokens: missing,
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
      ...calls,
    },
    channel.port2,
  );
  return connectEngine(channel.port1);
}

const hub: ModelSource = {
  kind: 'hub',
  repository: 'org/name',
  revision: 'main',
  hubUrl: 'https://hub.example',
};
const settled = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.catch((error: unknown) => error);

test('a call returns what the engine returns, and its argument arrives as sent', async () => {
  const engine = connect({
    tokenize: async (text) => [...text].map((letter, id) => ({ id, text: letter, isSpecial: false })),
  });
  expect(await engine.tokenize('né')).toEqual([
    { id: 0, text: 'n', isSpecial: false },
    { id: 1, text: 'é', isSpecial: false },
  ]);
});

test('what is kept is listed, and one model or all of them can be forgotten', async () => {
  const forgotten: (string | null)[] = [];
  const info = { isAvailable: true, models: [], sizeBytes: 0 };
  const engine = connect({
    cache: async () => ({ ...info, sizeBytes: 7 }),
    forget: async (label) => {
      forgotten.push(label);
      return info;
    },
  });
  expect(await engine.cache()).toEqual({ ...info, sizeBytes: 7 });
  expect(await engine.forget('lab/tiny@main')).toEqual(info);
  await engine.forget(null);
  expect(forgotten).toEqual(['lab/tiny@main', null]);
});

test('replies reach the call they belong to, whatever the order they come in', async () => {
  const release: (() => void)[] = [];
  const engine = connect({
    tokenize: (text) =>
      new Promise((resolve) => {
        release.push(() => resolve([{ id: 0, text, isSpecial: false }]));
        if (release.length === 2) for (const go of release.reverse()) go();
      }),
  });
  const [first, second] = await Promise.all([engine.tokenize('first'), engine.tokenize('second')]);
  expect(first[0]?.text).toBe('first');
  expect(second[0]?.text).toBe('second');
});

test('progress arrives in order and before the result', async () => {
  const steps: Progress[] = [1, 2, 3].map((done) => ({
    stage: 'reading weights',
    done,
    total: 3,
    unit: 'bytes',
  }));
  const engine = connect({
    predict: async (_text, options) => {
      for (const step of steps) options?.onProgress?.(step);
      return { tokens: [], candidates: [], elapsedMs: options?.count ?? -1 };
    },
  });
  const seen: Progress[] = [];
  const prediction = await engine.predict('text', { count: 10, onProgress: (step) => seen.push(step) });
  expect(seen).toEqual(steps);
  expect(prediction.elapsedMs).toBe(10);
});

test('an error keeps its name and its message', async () => {
  class UnknownComponentError extends Error {
    override readonly name = 'UnknownComponentError';
  }
  const engine = connect({
    loadModel: async () => {
      throw new UnknownComponentError("Component 'mlp' does not exist in gpt2.");
    },
  });
  const error = await settled(engine.loadModel(hub));
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: 'UnknownComponentError',
    message: "Component 'mlp' does not exist in gpt2.",
  });
});

test('an abort rejects with an AbortError, reaches the engine, and leaves the port usable', async () => {
  let heard: () => void = () => {};
  const engineHeard = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const engine = connect({
    loadModel: (_source, options: CallOptions = {}) =>
      new Promise((_resolve, reject) => {
        options.onProgress?.({ stage: 'reading', done: 0, total: null, unit: 'bytes' });
        options.signal?.addEventListener('abort', () => {
          heard();
          reject(options.signal?.reason);
        });
      }),
    tokenize: async () => [],
  });
  const controller = new AbortController();
  const error = await settled(
    engine.loadModel(hub, { signal: controller.signal, onProgress: () => controller.abort() }),
  );
  expect(error).toBeInstanceOf(DOMException);
  expect(error).toMatchObject({ name: 'AbortError' });
  await engineHeard;
  expect(await engine.tokenize('')).toEqual([]);
});

test('a signal that has already aborted sends nothing', async () => {
  let calls = 0;
  const engine = connect({
    loadModel: async () => {
      calls += 1;
      throw new Error('should not be called');
    },
    tokenize: async () => [],
  });
  expect(await settled(engine.loadModel(hub, { signal: AbortSignal.abort() }))).toMatchObject({
    name: 'AbortError',
  });
  await engine.tokenize('');
  expect(calls).toBe(0);
});

test('files travel as they are', async () => {
  const engine = connect({
    loadModel: async (source) => {
      if (source.kind !== 'files') throw new Error(`got ${source.kind}`);
      throw new Error(
        await Promise.all(source.files.map((file) => file.text())).then((texts) => texts.join('+')),
      );
    },
  });
  const files = [new File(['config'], 'config.json'), new File(['weights'], 'model.safetensors')];
  expect(await settled(engine.loadModel({ kind: 'files', files }))).toMatchObject({
    message: 'config+weights',
  });
});

test('a result that cannot be cloned becomes a failure of that call only', async () => {
  const engine = connect({
    // A function inside the answer, which the type forbids and a mistake could still produce.
    device: async () => ({ backend: 'wasm', threads: 2, reason: 'ok', extra: () => {} }),
    tokenize: async () => [],
  });
  expect(await settled(engine.device())).toMatchObject({ name: 'DataCloneError' });
  expect(await engine.tokenize('')).toEqual([]);
});

test('a worker that cannot start fails the calls that wait and all later ones', async () => {
  const target = new EventTarget();
  const engine = connectEngine(Object.assign(target, { postMessage: () => {} }));
  const waiting = settled(engine.device());
  target.dispatchEvent(new Event('error'));
  const sentence = "The engine's worker did not start. Reload the page to try again.";
  expect(await waiting).toMatchObject({ name: 'WorkerError', message: sentence });
  expect(await settled(engine.tokenize('text'))).toMatchObject({ message: sentence });
});

test('an error in a worker that has answered fails what waits, and later calls go through', async () => {
  const target = new EventTarget();
  const sent: unknown[] = [];
  const engine = connectEngine(
    Object.assign(target, { postMessage: (message: unknown) => void sent.push(message) }),
  );
  const reply = (id: number) =>
    target.dispatchEvent(new MessageEvent('message', { data: { kind: 'result', id, value: [] } }));

  const first = engine.tokenize('a');
  reply(1);
  expect(await first).toEqual([]);
  const waiting = settled(engine.tokenize('b'));
  target.dispatchEvent(Object.assign(new Event('error'), { message: 'out of memory' }));
  expect(await waiting).toMatchObject({
    message: "The engine's worker met an error (out of memory). Try again, or reload the page.",
  });
  const third = engine.tokenize('c');
  reply(3);
  expect(await third).toEqual([]);
  expect(sent).toHaveLength(3);
});

test('parts arrive in order and before the result, and none of a call that was never sent', async () => {
  const cell = { stream: 0, layer: 1, position: 2 };
  const samples = {
    answerLogit: [1],
    logSumExp: [2],
    rank: [1],
    divergence: [0],
    topIds: [[7]],
    topLogits: [[1]],
  };
  const experiment = readTraceExperiment({
    kind: 'trace',
    version: 1,
    model: 'm',
    prompt: 'a',
    subject: [0, 1],
  });
  const update = (layer: number): Update => ({
    of: 'trace',
    change: { kind: 'cells', cells: [{ ...cell, layer, samples }] },
  });
  const engine = connect({
    run: async (given, options) => {
      expect(given).toEqual(experiment);
      options?.onUpdate?.(update(1));
      options?.onUpdate?.({ of: 'trace', change: options.leaveOut });
      return { elapsedMs: 5 };
    },
  });
  const updates: Update[] = [];
  const onUpdate = (each: Update) => void updates.push(each);
  expect(await engine.run(experiment, { onUpdate, leaveOut: ['cells 1-9'] })).toEqual({ elapsedMs: 5 });
  expect(updates).toEqual([update(1), { of: 'trace', change: ['cells 1-9'] }]);
  const signal = AbortSignal.abort();
  await expect(engine.run(experiment, { onUpdate, signal })).rejects.toThrow('cancelled');
  expect(updates).toHaveLength(2);
});

test('what a run had when it was cancelled is handed over after the call has ended; progress is not', async () => {
  const experiment = readTraceExperiment({
    kind: 'trace',
    version: 1,
    model: 'm',
    prompt: 'a',
    subject: [0, 1],
  });
  const update = (change: string): Update => ({ of: 'trace', change });
  const engine = connect({
    run: (_given, { signal, onUpdate, onProgress } = {}) =>
      new Promise((_resolve, reject) => {
        onUpdate?.(update('first'));
        signal?.addEventListener('abort', () => {
          onProgress?.({ stage: 'Tracing', done: 1, total: 2, unit: 'layer-passes' });
          onUpdate?.(update('last'));
          reject(signal.reason);
        });
      }),
    tokenize: async () => [],
  });
  const seen: unknown[] = [];
  const controller = new AbortController();
  const running = engine.run(experiment, {
    signal: controller.signal,
    onProgress: (progress) => seen.push(progress),
    onUpdate: ({ change }) => {
      seen.push(change);
      controller.abort();
    },
  });
  expect(await settled(running)).toMatchObject({ name: 'AbortError' });
  expect(seen).toEqual(['first']);
  // A later call is answered after what the worker had left.
  await engine.tokenize('');
  expect(seen).toEqual(['first', 'last']);
});
