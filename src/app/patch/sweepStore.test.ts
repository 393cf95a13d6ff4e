// A sweep beside other runs: whatever takes the engine from it, its card shows how it ended.

import { expect, test, vi } from 'vitest';
import { readInterveneExperiment } from '../../experiments/intervene/experiment.ts';
import type { Engine } from '../../worker/protocol.ts';
import { createRunDesk } from '../experiment/runDesk.ts';
import type { CableSweep } from './cableSweep.ts';
import { createSweepStore } from './sweepStore.ts';

const refuse = () => Promise.reject(new Error('not part of this test'));

/** Runs until its signal stops it. */
function waitingEngine() {
  const intervene = vi.fn<Engine['intervene']>(
    (_, { signal } = {}) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
  );
  const engine: Engine = {
    device: refuse,
    loadModel: refuse,
    tokenize: refuse,
    predict: refuse,
    describeTokens: refuse,
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
    cache: refuse,
    forget: refuse,
    run: refuse,
    intervene,
  };
  return { engine, intervene };
}

const experiment = readInterveneExperiment({ kind: 'intervene', version: 1, model: 'tiny', base: 'a b' });
const sweepOfFour: CableSweep = {
  title: 'Cable A over layers and positions',
  cable: 1,
  of: [],
  axes: 'layerByPosition',
  rows: 2,
  columns: 2,
  tokens: [],
  // The cable has no source at the first place.
  experimentAt: ({ row, column }) => (row + column === 0 ? null : experiment),
};

test('a sweep that another run of the page takes over is stopped, not running for ever', async () => {
  const { engine, intervene } = waitingEngine();
  const desk = createRunDesk();
  const sweep = createSweepStore(engine, desk);
  const swept = sweep.run(sweepOfFour);
  await vi.waitFor(() => expect(intervene).toHaveBeenCalledOnce());
  desk.begin({ page: 'Patch', isAsked: true });
  await swept;
  expect(sweep.getState()).toMatchObject({ status: 'stopped', message: null });
  expect(desk.getState().run?.page).toBe('Patch');
});

test('a sweep that the next one takes over does not end that one', async () => {
  const { engine, intervene } = waitingEngine();
  const sweep = createSweepStore(engine, createRunDesk());
  const first = sweep.run(sweepOfFour);
  await vi.waitFor(() => expect(intervene).toHaveBeenCalledOnce());
  const second = sweep.run(sweepOfFour);
  await first;
  expect(sweep.getState().status).toBe('running');
  await vi.waitFor(() => expect(intervene).toHaveBeenCalledTimes(2));
  sweep.cancel();
  await second;
  expect(sweep.getState().status).toBe('stopped');
});
