// A GPU that is lost in the middle of a run, for each kind of run. On Dawn's device that computes nothing and answers every
// question with 0: what is lost is the same. Where Dawn is missing the tests say so and are skipped.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dawnModule } from '../../scripts/dawn.mjs';
import { DeviceLostError } from '../runtime/backends/backend.ts';
import { graphicsDevices } from '../runtime/backends/dawn.ts';
import { createWebGpuBackendOnNode } from '../runtime/backends/webgpuBackendOnNode.ts';
import { openDawnBackend } from '../runtime/fixtures/dawnBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../runtime/fixtures/tinyCheckpoint.ts';
import {
  answeringZeros,
  type Losing,
  losingDevices,
  type Mend,
  neverAnswering,
} from '../runtime/fixtures/troubledGpu.ts';
import { Model } from '../runtime/model.ts';
import { experimentsOfKinds, interveneFile } from './fixtures/experimentsOfKinds.ts';
import { nextLogits } from './predict.ts';
import { kindOf, readExperiment } from './registry.ts';

const module = dawnModule();
if (module) process.env.PATCHBAY_DAWN = module;
const isThere =
  module !== undefined &&
  (await graphicsDevices().then(
    () => true,
    () => false,
  ));

/** A difference of states that are all 0 would name no direction. */
const numbers = [Array.from({ length: 16 }, (_, at) => 1 + at)];
const ofPrompts = Object.entries({ ...experimentsOfKinds, intervene: interveneFile })
  .filter(([name]) => name !== 'tensors')
  .map(([name, file]) =>
    name === 'steer'
      ? {
          ...file,
          vectors: [{ name: 'odd', layers: [1], from: { numbers } }],
          edits: [{ vector: 'odd', layers: [1], strength: 1, unit: 'raw' }],
          sweep: undefined,
        }
      : file,
  );

type Run = (model: Model) => Promise<unknown>;

const runOf =
  (file: object): Run =>
  async (model) => {
    const experiment = await readExperiment(file);
    const kind = await kindOf(experiment.kind);
    const ready = await kind.resolve(model.architecture, undefined, experiment);
    const growth = kind.growth();
    for await (const update of ready.run(model)) growth.take(update);
    return growth.result;
  };

const runs: readonly (readonly [string, Run])[] = [
  ['predict', (model) => nextLogits(model, [1, 5, 9, 2])],
  ...ofPrompts.map((file) => [String(Reflect.get(file, 'kind')), runOf(file)] as const),
];

test.skipIf(isThere)('a lost device is tested on Dawn', ({ skip }) =>
  skip('the npm package webgpu is not there'),
);

describe.skipIf(!isThere)('a device that is lost', () => {
  let losing: Losing;
  let mendReading: Mend;
  beforeAll(() => {
    losing = losingDevices();
    mendReading = answeringZeros();
  });
  afterAll(() => {
    losing.mend();
    mendReading();
  });

  test.each(runs)('in the middle of %s is said, and leaves nothing', async (_, run) => {
    const opened = async () => {
      const backend = await openDawnBackend('null');
      const model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
      return { backend, model };
    };
    const whole = await opened();
    const before = losing.submissions();
    await run(whole.model);
    const all = losing.submissions() - before;
    expect(all).toBeGreaterThan(1);
    await whole.model.dispose();
    expect(whole.backend.liveTensors).toBe(0);
    await whole.backend.close();
    for (const share of [0.2, 0.8]) {
      const { backend, model } = await opened();
      losing.loseAfter(Math.ceil(share * all));
      const failed = await run(model).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failed).toBeInstanceOf(DeviceLostError);
      expect(String(failed)).toMatch(
        /^DeviceLostError: The GPU device was lost \(.+\)\. Load the model again to go on\.$/,
      );
      await expect(run(model)).rejects.toThrow(DeviceLostError);
      await model.dispose();
      expect(backend.liveTensors).toBe(0);
      await backend.close();
      expect(backend.livePrograms).toBe(0);
    }
  });

  test('or that never answers is said, and who stops ends the wait with nothing left', async () => {
    const heard: string[] = [];
    const backend = await createWebGpuBackendOnNode({
      device: 'null',
      watch: {
        patienceMs: 20_000,
        // A second is a millisecond.
        clock: {
          after: (ms, then) => {
            const timer = setTimeout(then, ms / 1000);
            return () => clearTimeout(timer);
          },
        },
        onSilence: (sentence, stop) => {
          if (!sentence.includes('give a result')) return;
          heard.push(sentence);
          stop();
        },
      },
    });
    const model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
    const mend = neverAnswering();
    try {
      await expect(nextLogits(model, [1, 5, 9, 2])).rejects.toThrow(/The GPU (device was lost|was given up)/);
    } finally {
      mend();
    }
    expect(heard).toEqual([
      'The GPU has not answered for 20 s (it is to finish what was asked and give a result). The work may be that large, or its driver hangs: go on waiting, or stop.',
    ]);
    await model.dispose();
    expect(backend.liveTensors).toBe(0);
    await backend.close();
    expect(backend.livePrograms).toBe(0);
  });
});
