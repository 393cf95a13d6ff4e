// A stand-in for the engine's worker, put in place of `window.Worker` before the page loads, so that every state of the
// page can be shown without a model. It speaks the messages of src/worker/rpc.ts; nothing of it is in the bundle.

import type { Page } from '@playwright/test';
import type { CachedModel, DeviceInfo, ModelInfo } from '../src/worker/protocol.ts';
import { fakeModel } from './fakeModel.ts';

export interface FakeEngine {
  readonly device: DeviceInfo | { readonly error: string };
  readonly model: ModelInfo;
  /** Bytes of a load; it goes on in ten steps. */
  readonly bytes: number;
  readonly stepMs: number;
  /** Wait at this step of a load until it is cancelled; null for never. */
  readonly hangAtStep: number | null;
  readonly predictMs: number;
  /** A prompt that holds this never gets its prediction. */
  readonly hangOnText: string | null;
  /** Error of the next loads, by their order; null where one succeeds. */
  readonly loadErrors: readonly (string | null)[];
  readonly predictError: string | null;
  /** Whether the page finds the embedded model beside it. */
  readonly isEmbeddedServed: boolean;
  /** Which page to go to. */
  readonly place: 'Trace' | 'Model';
  /** A fragment to open the page with. */
  readonly fragment: string;
  /** Time of a batch of a trace; it comes in eight. */
  readonly batchMs: number;
  /** Wait before this batch of a trace until it is cancelled; null for never. */
  readonly hangAtBatch: number | null;
  readonly traceError: string | null;
  /** Whether the model has a chat template. */
  readonly isChatting: boolean;
  /** Models that the browser keeps. */
  readonly kept: readonly CachedModel[];
}

export const webgpu: DeviceInfo = {
  backend: 'webgpu',
  adapter: 'Apple M3',
  reason: 'WebGPU is available on a hardware adapter.',
};

export const wasm: DeviceInfo = {
  backend: 'wasm',
  threads: 4,
  reason: 'The only WebGPU adapter is software (SwiftShader), which is slower than WASM.',
};

const defaults: FakeEngine = {
  device: webgpu,
  model: fakeModel('SmolLM2-135M', 30, 576, 9),
  bytes: 271_000_000,
  stepMs: 1,
  hangAtStep: null,
  predictMs: 1,
  hangOnText: null,
  loadErrors: [],
  predictError: null,
  isEmbeddedServed: true,
  kept: [],
  place: 'Model',
  fragment: '',
  batchMs: 1,
  hangAtBatch: null,
  traceError: null,
  isChatting: false,
};

type FakeCell = { readonly stream: number; readonly layer: number; readonly position: number };

interface FakeResult {
  readonly positions: readonly number[];
  readonly streams: readonly { readonly cells: readonly unknown[] }[];
}

interface FakeExperiment {
  readonly prompt: string;
  readonly model: string;
  readonly subject: readonly [number, number];
  readonly answer?: string;
  readonly corruption: { readonly kind: string; readonly tokens: string };
  readonly streams: readonly { readonly component: string; readonly window: number }[];
}

/** Runs in the page; must not refer to anything outside itself. */
function installFakeWorker(fake: FakeEngine): void {
  const next = [
    [' Paris', 0.7021],
    [' London', 0.0612],
    [' Lyon', 0.0331],
    [' Brussels', 0.0204],
    ['\n', 0.0127],
    [' the', 0.0098],
    [' 東京', 0.0051],
    [' باريس', 0.0023],
    ['<|endoftext|>', 0.0009],
    ['.', 0.00003],
  ] as const;
  const split = (text: string) => {
    const pieces =
      text.match(/<\|[a-z]+\|>| (?=<\|)|\n|\t| ?[\p{L}\p{M}]{1,7}| ?\p{N}| ?[^\s\p{L}\p{M}\p{N}]+| /gu) ?? [];
    return pieces.map((piece) => ({
      id: [...piece].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 49152, 7),
      text: piece,
      isSpecial: /^<\|/.test(piece),
    }));
  };
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  let loads = 0;
  let kept = fake.kept;
  const cacheInfo = () => ({
    isAvailable: true,
    models: kept,
    sizeBytes: kept.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  });

  class FakeWorker extends EventTarget {
    readonly cancelled = new Set<number>();

    postMessage(message: { kind: string; id: number; name: string; given: unknown }): void {
      if (message.kind === 'cancel') this.cancelled.add(message.id);
      else void this.answer(structuredClone(message));
    }
    terminate(): void {}

    reply(message: object): void {
      this.dispatchEvent(new MessageEvent('message', { data: structuredClone(message) }));
    }

    async answer({ id, name, given }: { id: number; name: string; given: unknown }): Promise<void> {
      await wait(0);
      try {
        const value = await this.perform(id, name, given);
        if (!this.cancelled.has(id)) this.reply({ kind: 'result', id, value });
      } catch (cause) {
        const message = cause instanceof Error ? cause.message : String(cause);
        this.reply({ kind: 'failure', id, name: 'Error', message });
      }
    }

    async perform(id: number, name: string, given: unknown): Promise<unknown> {
      if (name === 'device') {
        if ('error' in fake.device) throw new Error(fake.device.error);
        return fake.device;
      }
      if (name === 'cache') return cacheInfo();
      if (name === 'forget') {
        kept = given === null ? [] : kept.filter(({ label }) => label !== given);
        return cacheInfo();
      }
      if (name === 'describeTokens') {
        return (given as readonly number[]).map((token) => ({
          id: token,
          text: ` token${token}`,
          isSpecial: false,
        }));
      }
      if (name === 'writeChat') {
        if (!fake.isChatting) return null;
        const { turns, reply = '' } = given as {
          readonly turns: readonly { readonly role: string; readonly content: string }[];
          readonly reply?: string;
        };
        const rendered = `${turns.map(({ role, content }) => `<|${role}|>${content}`).join('')}<|assistant|>${reply}`;
        return { rendered, tokens: split(rendered).map(({ id: token }) => token) };
      }
      if (name === 'estimate') return this.estimate(given as FakeExperiment);
      if (name === 'run')
        return this.trace(id, given as { experiment: FakeExperiment; earlier: FakeResult | null });
      if (name === 'tokenize') return split(String(given));
      if (name === 'loadModel')
        return this.load(id, given as { kind: string; label?: string; repository?: string });
      const { text } = given as { text: string };
      if (fake.hangOnText !== null && text.includes(fake.hangOnText)) return new Promise(() => {});
      await wait(fake.predictMs);
      if (fake.predictError !== null) throw new Error(fake.predictError);
      const candidates = next.map(([token, probability], place) => ({
        id: 100 + place,
        text: token,
        isSpecial: token.startsWith('<|'),
        probability,
        logit: 18.34 + Math.log(probability / 0.7021) - (place === 9 ? 12 : 0),
      }));
      return { tokens: split(text), candidates, elapsedMs: 42 };
    }

    estimate({ prompt, answer, corruption, subject }: FakeExperiment): unknown {
      const cells = 3 * fake.model.layerCount * split(prompt).length;
      if (corruption.kind === 'replace' && split(corruption.tokens).length !== subject[1] - subject[0]) {
        throw new Error('The replacement has another number of tokens than the subject.');
      }
      return {
        count: cells,
        rowLayers: cells * 4,
        tokenLayers: cells * 12,
        steps: 0,
        bytes: 0,
        notices: [],
        targets: [
          {
            answer: answer === undefined ? null : { id: answer === ' London' ? 101 : 7, text: answer },
            distractor: null,
          },
        ],
        units: [],
      };
    }

    /** Numbers that a formula gives, so that a test can say what a cell must hold. */
    async trace(
      id: number,
      given: { experiment: FakeExperiment; earlier: FakeResult | null },
    ): Promise<unknown> {
      const { experiment, earlier } = given;
      const tokens = split(experiment.prompt).map(({ id: token, text }) => ({ id: token, text }));
      const { layerCount } = fake.model;
      const samplesOf = (probability: number) => ({
        answerLogit: [Math.log(probability), Math.log(probability)],
        logSumExp: [0, 0],
        rank: [1, 1],
        divergence: [1 - probability, 1 - probability],
        topIds: [
          [100, 101],
          [100, 101],
        ],
        topLogits: [
          [Math.log(probability), Math.log(0.01)],
          [Math.log(probability), Math.log(0.01)],
        ],
      });
      const cells = experiment.streams.flatMap((_, stream) =>
        Array.from({ length: layerCount }, (__, layer) =>
          tokens.map((___, position) => ({ stream, layer, position })),
        ).flat(),
      );
      const part = (change: object) => this.reply({ kind: 'part', id, part: { of: 'trace', change } });
      await wait(fake.batchMs);
      part({
        kind: 'started',
        result: {
          kind: 'trace-result',
          version: 1,
          experiment,
          model: { label: experiment.model, modelType: 'llama', parameterCount: 1 },
          backend: { kind: 'wasm', description: 'fake' },
          tokens,
          subject: experiment.subject,
          answer: { id: 100, text: experiment.answer ?? ' Paris' },
          level: 0.3,
          samples: 2,
          layerCount,
          positions: tokens.map((_, position) => position),
          clean: samplesOf(0.7),
          corrupted: samplesOf(0.1),
          streams: experiment.streams.map(({ component, window }) => ({
            component,
            window,
            cells: cells.slice(0, layerCount * tokens.length).map(() => null),
            ...earlier?.streams[experiment.streams.findIndex((each) => each.component === component)],
          })),
          notices: [],
        },
      });
      const isDone = ({ stream, layer, position }: FakeCell) =>
        (earlier?.streams[stream]?.cells[layer * tokens.length + position] ?? null) !== null;
      const size = Math.ceil(cells.length / 8);
      for (let batch = 0; batch < 8; batch += 1) {
        const total = cells.length * 4;
        this.reply({
          kind: 'progress',
          id,
          progress: { stage: 'Tracing', done: (total * batch) / 8, total, unit: 'layer-passes' },
        });
        // A resumed run gets past the place where the first one hung.
        if (batch === fake.hangAtBatch && earlier === null) await new Promise(() => {});
        if (batch === 3 && fake.traceError !== null && earlier === null) throw new Error(fake.traceError);
        const own = cells.slice(batch * size, (batch + 1) * size).filter((cell) => !isDone(cell));
        if (own.length > 0) {
          part({
            kind: 'cells',
            cells: own.map((cell) => ({
              ...cell,
              samples: samplesOf(0.1 + (0.6 * (cell.layer + 1)) / (layerCount + cell.stream)),
            })),
          });
          await wait(fake.batchMs);
        }
      }
      return { elapsedMs: 42 };
    }

    async load(id: number, source: { kind: string; label?: string; repository?: string }): Promise<unknown> {
      const error = fake.loadErrors[loads];
      loads += 1;
      for (let step = 0; step <= 10; step += 1) {
        const done = Math.round((fake.bytes * step) / 10);
        this.reply({
          kind: 'progress',
          id,
          progress: { stage: 'Reading weights', done, total: fake.bytes, unit: 'bytes' },
        });
        if (step === fake.hangAtStep) return new Promise(() => {});
        if (step === 3 && error) throw new Error(error);
        await wait(fake.stepMs);
      }
      return { ...fake.model, label: source.repository ?? source.label ?? fake.model.label };
    }
  }
  Object.defineProperty(window, 'Worker', { value: FakeWorker });
  // Tests answer some requests themselves; a service worker's own requests would pass them by.
  Object.defineProperty(navigator, 'serviceWorker', { value: undefined });
}

/** Open the page over a fake engine. */
export async function openPage(page: Page, changes: Partial<FakeEngine> = {}): Promise<void> {
  const fake = { ...defaults, ...changes };
  await page.route('**/models/tiny-atlas/config.json', (route) =>
    fake.isEmbeddedServed
      ? route.fulfill({ contentType: 'application/json', body: '{}' })
      : route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }),
  );
  await page.addInitScript(installFakeWorker, fake);
  await page.goto(`./${fake.fragment}`);
  if (fake.place === 'Model') {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'Model' }).click();
  }
}
