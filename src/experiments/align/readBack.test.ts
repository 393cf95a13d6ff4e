// What training reads back from the device, in bytes: a rotation is read at a bounded pace, and a run that is cancelled
// still keeps the numbers after its last step.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import { type AlignExperimentFile, readAlignExperiment } from './experiment.ts';
import { resolveAlign } from './resolve.ts';
import { type AlignUpdate, runAlign } from './run.ts';
import { completeAlign } from './work.ts';

const width = 192;
const rotationBytes = 4 * width ** 2;
const prompt = (at: number) => [1 + (at % 7), 2 + (at % 5), 3 + (at % 11)];
const data = Array.from({ length: 18 }, (_, at) => ({
  base: prompt(at),
  source: prompt(5 * at + 3),
  label: at % 4,
}));

function experiment(steps: number, epochs: number) {
  const file: AlignExperimentFile = {
    kind: 'align',
    version: 1,
    model: 'tiny',
    site: { component: 'block_output', layer: 1, position: 'last' },
    intervention: { type: 'Rotated', dimensions: 3 },
    data: data.slice(0, steps),
    testData: data.slice(16),
    training: { batchSize: 1, epochs, learningRate: 0.01, shuffle: false, schedule: 'constant' },
  };
  return readAlignExperiment(file);
}

let backend: Backend;
let model: Model;
beforeEach(async () => {
  backend = createNodeBackend(1);
  const configuration = { ...tinyConfigurations.llama, hidden_size: width, num_hidden_layers: 2 };
  model = await Model.load(tinyCheckpoint(configuration), backend);
});
afterEach(async () => {
  await model.dispose();
  await backend.close();
});

/** The updates of a training of so many steps an epoch, up to the one after which it is cancelled. */
async function updatesOf(steps: number, epochs: number, stopAfter?: number) {
  const controller = new AbortController();
  const align = resolveAlign(model.architecture, undefined, experiment(steps, epochs));
  const found: AlignUpdate[] = [];
  try {
    for await (const update of runAlign(model, align, { signal: controller.signal })) {
      found.push(update);
      if (found.filter(({ kind }) => kind === 'step').length === stopAfter) controller.abort();
    }
  } catch (error) {
    if (!controller.signal.aborted) throw error;
  }
  return found;
}

test('a large rotation is read after every few steps and at epochs, and a step reads a few numbers of it', async () => {
  const sizes: number[] = [];
  const read = backend.read.bind(backend);
  vi.spyOn(backend, 'read').mockImplementation(async (tensor) => {
    const values = await read(tensor);
    sizes.push(values.byteLength);
    return values;
  });
  const updates = await updatesOf(8, 2);
  const whole = sizes.filter((bytes) => bytes === rotationBytes).length;
  // 144 KiB, at 64 KiB a step: after steps 3 and 6, 9, 12 and 15, and with both epochs.
  expect(whole).toBe(7);
  // A step reads its loss and three numbers of the rotation; an epoch the answers to 8 prompts and to 2; the end those of
  // the control. Before them come the baselines and the states of the sources.
  const epoch = Array.from({ length: 8 }, () => [4, 12]).flat();
  const others = sizes.filter((bytes) => bytes !== rotationBytes);
  expect(others.slice(2)).toEqual([...epoch, 32, 8, ...epoch, 32, 8, 8]);
  const withNumbers = updates.flatMap((update) =>
    update.kind === 'step' ? [update.numbers !== undefined] : [],
  );
  expect(withNumbers.flatMap((has, at) => (has ? [at + 1] : []))).toEqual([3, 6, 9, 12, 15]);
  expect(
    updates.flatMap((update) => (update.kind === 'epoch' ? [update.numbers.rotation?.length] : [])),
  ).toEqual([width ** 2, width ** 2]);
});

test('a run that is cancelled between two readings keeps the numbers after its last step', async () => {
  const stopped = (await updatesOf(8, 1, 5)).at(-1);
  const whole = (await updatesOf(5, 1)).at(-1);
  if (stopped?.kind !== 'cancelled' || whole?.kind !== 'end')
    throw new Error('not the updates that were meant');
  expect(stopped.numbers.rotation).toEqual(whole.numbers.rotation);
});

test('a rotation that leads to no numbers stops the training at its step, without being read', async () => {
  const file = experiment(8, 1);
  const align = resolveAlign(model.architecture, undefined, {
    ...file,
    training: { ...file.training, learningRate: 1e30 },
  });
  const { sites } = await completeAlign(model, align);
  expect(sites[0]?.end).toBe('parameters');
  expect(sites[0]?.steps.loss).toEqual([]);
});
