// A sweep beside other runs: whatever takes the engine from it, its card shows how it ended.

import { expect, test, vi } from 'vitest';
import { readPatchExperiment } from '../../experiments/patch/experiment.ts';
import type { Engine } from '../../worker/protocol.ts';
import { createRunDesk } from '../experiment/runDesk.ts';
import { createSweepStore } from './sweepStore.ts';

const refuse = () => Promise.reject(new Error('not part of this test'));

/** Runs until its signal stops it. */
function waitingEngine() {
  const run = vi.fn<Engine['run']>(
    (_, { signal } = {}) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
  );
  const engine: Engine = {
    device: refuse,
    loadModel: refuse,
    tokenize: refuse,
    predict: refuse,
    describeTokens: refuse,
    intervene: refuse,
    estimateSockets: refuse,
    meanActivation: refuse,
    alignTask: refuse,
    alignOwnAnswers: refuse,
    alignLearned: refuse,
    generate: refuse,
    writeChat: refuse,
    estimate: refuse,
    cache: refuse,
    forget: refuse,
    run,
  };
  return { engine, run };
}

const experiment = readPatchExperiment({
  kind: 'patch',
  version: 1,
  model: 'tiny',
  pairs: [{ clean: 'a b', corrupted: 'a c', answer: 7 }],
  sweeps: [{ component: 'block_output' }],
});

test('a sweep that another run of the page takes over is stopped, not running for ever', async () => {
  const { engine, run } = waitingEngine();
  const desk = createRunDesk();
  const sweep = createSweepStore(engine, desk);
  const swept = sweep.run(experiment);
  await vi.waitFor(() => expect(run).toHaveBeenCalledOnce());
  desk.begin({ page: 'Patch', isAsked: true });
  await swept;
  expect(sweep.getState()).toMatchObject({ status: 'stopped', message: null });
  expect(desk.getState().run?.page).toBe('Patch');
});

test('a sweep that the next one takes over does not end that one', async () => {
  const { engine, run } = waitingEngine();
  const sweep = createSweepStore(engine, createRunDesk());
  const first = sweep.run(experiment);
  await vi.waitFor(() => expect(run).toHaveBeenCalledOnce());
  const second = sweep.run(experiment);
  await first;
  expect(sweep.getState().status).toBe('running');
  await vi.waitFor(() => expect(run).toHaveBeenCalledTimes(2));
  sweep.cancel();
  await second;
  expect(sweep.getState().status).toBe('stopped');
});
