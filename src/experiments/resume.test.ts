// Going on from a result that other weights, or another backend, have begun.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../runtime/model.ts';
import type { AnyResult } from './kind.ts';
import { readExperiment, readResult } from './registry.ts';
import { completeExperiment, growExperiment } from './runExperiment.ts';

let backend: Backend;
beforeAll(async () => {
  backend = await createNodeBackend(1);
});
afterAll(() => backend.close());

const trained = (seed: number): Checkpoint => ({
  ...tinyCheckpoint(tinyConfigurations.gpt2, seed),
  fingerprint: async () => `weights ${seed}`,
});

async function withModel<T>(checkpoint: Checkpoint, use: (model: Model) => Promise<T>): Promise<T> {
  const model = await Model.load(checkpoint, backend);
  try {
    return await use(model);
  } finally {
    await model.dispose();
  }
}

test('cells of other weights under the same name are computed again, and those of the same weights are kept', async () => {
  const experiment = await readExperiment({
    kind: 'trace',
    version: 1,
    model: 'tiny',
    prompt: [5, 17, 3, 8],
    subject: [1, 2],
    corruption: { kind: 'zero' },
  });
  const [before, after] = [trained(1), trained(2)];
  let partial: AnyResult | undefined;
  await withModel(before, async (model) => {
    for await (const { result } of growExperiment(model, before, experiment)) {
      partial = structuredClone(result);
      if (JSON.stringify(partial).includes('null')) continue;
      break;
    }
  });
  if (!partial) throw new Error('nothing was computed');
  expect(partial.model.fingerprint).toBe('weights 1');
  const earlier = partial;
  const [anew, resumed, own] = [
    await withModel(after, (model) => completeExperiment(model, after, experiment)),
    await withModel(after, (model) => completeExperiment(model, after, experiment, { earlier })),
    await withModel(before, (model) => completeExperiment(model, before, experiment, { earlier })),
  ];
  expect(resumed).toEqual(anew);
  expect(resumed.model.fingerprint).toBe('weights 2');
  expect(own.model.fingerprint).toBe('weights 1');
  expect(own).not.toEqual(anew);
});

test('cells of another backend are computed again, so that none stands under a name that is not its own', async () => {
  const experiment = await readExperiment({
    kind: 'trace',
    version: 1,
    model: 'tiny',
    prompt: [5, 17, 3, 8],
    subject: [1, 2],
    corruption: { kind: 'zero' },
  });
  const checkpoint = trained(1);
  const anew = await withModel(checkpoint, (model) => completeExperiment(model, checkpoint, experiment));
  const elsewhere = JSON.parse(JSON.stringify(anew), (name, value: unknown) => {
    if (name === 'backend') return { kind: 'wasm', description: 'another' };
    return name === 'answerLogit' && Array.isArray(value) ? value.map(() => 99) : value;
  });
  const earlier = await readResult(elsewhere);
  expect(JSON.stringify(earlier)).toContain('99');
  const resumed = await withModel(checkpoint, (model) =>
    completeExperiment(model, checkpoint, experiment, { earlier }),
  );
  expect(resumed).toEqual(anew);
});
