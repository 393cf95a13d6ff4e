// What training holds on the device, in bytes of tensors: the weights, what is kept between steps, the states that enter
// the layers of one step, the intermediates of one layer, and the parameters with their moments. Nothing else.

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { seededRandom, tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { keptBytes } from '../../runtime/forward/kept.ts';
import { Model } from '../../runtime/model.ts';
import { promptRow, readPrediction, runRow } from '../planRuns.ts';
import { estimateAlign } from './estimate.ts';
import { type AlignExperimentFile, readAlignExperiment } from './experiment.ts';
import { promptsOf } from './keptExamples.ts';
import { type ResolvedAlign, resolveAlign } from './resolve.ts';
import { type AlignUpdate, runAlign } from './run.ts';

const next = seededRandom(3);
const length = 30;
const prompt = (_: unknown) => Array.from({ length }, () => Math.floor(((next() + 1) / 2) * 30));
const data = Array.from({ length: 24 }, (_, at) => ({ base: prompt(at), source: prompt(at), label: at % 4 }));

const experiment = (more: Partial<AlignExperimentFile> = {}) =>
  readAlignExperiment({
    kind: 'align',
    version: 1,
    model: 'tiny',
    site: { component: 'block_output', layer: 0, position: 'last' },
    intervention: { type: 'LowRankRotated', rank: 2 },
    data: data.slice(0, 16),
    testData: data.slice(16),
    training: { batchSize: 8, epochs: 2, learningRate: 0.05 },
    ...more,
  });

let backend: Backend;
beforeEach(() => {
  backend = createNodeBackend(1);
});
afterEach(() => backend.close());

/** A model with so many layers, and what it holds when its tables are made. */
async function loaded(layers: number): Promise<Model> {
  const configuration = { ...tinyConfigurations.llama, num_hidden_layers: layers };
  const model = await Model.load(tinyCheckpoint(configuration), backend);
  await model.run({ rows: [promptRow(prompt(0))], reads: [readPrediction(0, length)] });
  return model;
}

async function updatesOf(model: Model, align: ResolvedAlign, room?: number) {
  const found: AlignUpdate[] = [];
  const bound = room === undefined ? {} : { keptBytes: room };
  for await (const update of runAlign(model, align, bound)) found.push(update);
  return found;
}

/** Bytes beyond the weights, at most, of a training of so many epochs. */
async function peakOf(layers: number, more: Partial<AlignExperimentFile>, room?: number) {
  const model = await loaded(layers);
  const align = resolveAlign(model.architecture, undefined, experiment(more));
  const weights = backend.liveBytes;
  await updatesOf(model, align, room);
  expect(backend.liveBytes).toBe(weights);
  await model.dispose();
  return backend.peakBytes - weights;
}

async function freshPeak(...given: Parameters<typeof peakOf>) {
  await backend.close();
  backend = createNodeBackend(1);
  return peakOf(...given);
}

const first = { component: 'block_output', layer: 0, position: 0 } as const;

test('more steps take no more memory', async () => {
  const few = await freshPeak(4, { training: { batchSize: 8, epochs: 1 } });
  const many = await freshPeak(4, { training: { batchSize: 8, epochs: 12 } });
  expect(many).toBe(few);
});

test('a deeper model takes no more than what enters its further layers, and what is kept of them', async () => {
  const [batch, width] = [8, 16];
  const shallow = await freshPeak(4, { site: first, training: { batchSize: batch, epochs: 1 } });
  const deep = await freshPeak(12, { site: first, training: { batchSize: batch, epochs: 1 } });
  // Of each row in each further layer: its states, and indices of its keys, which are eight arrays of int32.
  const entering = batch * length * (4 * width + 8 * 4);
  expect(deep - shallow).toBeGreaterThan(0);
  expect(deep - shallow).toBeLessThanOrEqual(8 * entering);
});

test('what is kept has a bound, and takes as much as is reported', async () => {
  const model = await loaded(4);
  const align = resolveAlign(model.architecture, undefined, experiment());
  const [prompts] = promptsOf(model.architecture, align, 0);
  if (!prompts) throw new Error('no site');
  const { bases, neededBytes } = prompts;
  expect(bases).toHaveLength(24);
  const one = keptBytes(model.architecture, { layer: 1, length, position: length - 1 });
  expect(neededBytes).toBe(24 * one);
  const before = backend.liveBytes;
  const kept = await model.keep(
    { rows: bases.map(({ prompt: base }) => runRow(base)), reads: [] },
    { layer: 1, positions: new Map(bases.map((_, row) => [row, length - 1])) },
  );
  expect(backend.liveBytes - before).toBe(neededBytes);
  kept.dispose();
  await model.dispose();
});

test('with room for some prompts or none the training is the same, and this is reported', async () => {
  const model = await loaded(4);
  const align = resolveAlign(model.architecture, undefined, experiment());
  const one = keptBytes(model.architecture, { layer: 1, length, position: length - 1 });
  const whole = await updatesOf(model, align);
  expect(whole[0]).toMatchObject({ kind: 'baselines', notices: [] });
  for (const [room, again] of [
    [5.5 * one, 19],
    [0, 24],
  ] as const) {
    const done: number[] = [];
    const found: AlignUpdate[] = [];
    const onProgress = (amount: number) => done.push(amount);
    for await (const update of runAlign(model, align, { keptBytes: room, onProgress })) found.push(update);
    expect(found[0]).toMatchObject({
      notices: [{ code: 'not-all-kept', text: expect.stringContaining(`so ${again} of them are run again`) }],
    });
    expect(done.at(-1)).toBe(estimateAlign(align, model.architecture, room).rowLayers);
    expect(done.every((amount, at) => at === 0 || amount >= (done[at - 1] ?? 0))).toBe(true);
    expect(found).toHaveLength(whole.length);
    found.forEach((update, at) => {
      const other = whole[at];
      if (update.kind !== 'step' || other?.kind !== 'step') return;
      expect(Math.abs(update.loss - other.loss)).toBeLessThan(1e-5);
      // Small parameters are handed over with each step.
      expect(update.numbers?.rotation).toHaveLength(32);
      expect([...(update.numbers?.rotation ?? [])]).toEqual(
        [...(other.numbers?.rotation ?? [])].map((x) => expect.closeTo(x, 4)),
      );
    });
  }
  await model.dispose();
});
