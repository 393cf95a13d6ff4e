import { expect, test } from 'vitest';
import { smallGguf } from '../checkpoint/expected/smallFiles.ts';
import { openFiles } from '../checkpoint/open.ts';
import { readAlignExperiment } from '../experiments/align/experiment.ts';
import { alignKind } from '../experiments/align/kind.ts';
import { resolveAlign } from '../experiments/align/resolve.ts';
import { type AlignResult, isAlignComplete, readAlignResult } from '../experiments/align/result.ts';
import { completeAlign } from '../experiments/align/work.ts';
import type { Update } from '../experiments/kind.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { Model } from '../runtime/model.ts';
import { createEngine } from './engine.ts';
import { losingDevice } from './losingDevice.ts';
import type { Engine, ModelSource } from './protocol.ts';

const source = (name: string): ModelSource & { kind: 'files' } => ({
  kind: 'files',
  files: [new File([new Uint8Array(smallGguf(name))], `${name}.gguf`)],
});
const sentence = (at: number) => [1 + at, 9, 4 + (at % 3), 2];
const data = Array.from({ length: 12 }, (_, at) => ({
  base: sentence(at),
  source: sentence((at * 5 + 3) % 12),
  label: at % 4,
}));
const experiment = readAlignExperiment({
  kind: 'align',
  version: 1,
  model: 'llama',
  site: { component: 'block_output', layer: 0, position: [1, 'last'] },
  intervention: { type: 'LowRankRotated', rank: 2 },
  data,
  training: { batchSize: 4, epochs: 2, learningRate: 0.05 },
});

/** An engine on a device whose first backend is lost after so many graphs. */
function device(losesAfter?: number) {
  const { chosen, opened, runs } = losingDevice(losesAfter);
  return { engine: createEngine(chosen), opened, runs };
}

/** What a page has of a run: the result as it grew, and the kind of every change. */
function watcher() {
  const growth = alignKind.growth();
  const changes: { readonly kind: string; readonly site: number }[] = [];
  return {
    changes,
    ofKind: (name: string) => changes.filter(({ kind }) => kind === name),
    result: () => growth.result,
    onUpdate: (update: Update) => {
      const { kind, site } = Object(update.change);
      changes.push({ kind, site });
      growth.take(update);
    },
  };
}

async function trained(engine: Engine): Promise<AlignResult | undefined> {
  const watched = watcher();
  await engine.run(experiment, { onUpdate: watched.onUpdate });
  return watched.result();
}

/** As the command line computes it. */
async function expected(): Promise<AlignResult> {
  const checkpoint = await openFiles(source('llama').files);
  const backend = createNodeBackend(1);
  const model = await Model.load(checkpoint, backend);
  try {
    const align = resolveAlign(model.architecture, await checkpoint.tokenizer(), experiment);
    return await completeAlign(model, align);
  } finally {
    await model.dispose();
    await backend.close();
    await checkpoint.close();
  }
}

test('the parts of a training make the result of the command line', async () => {
  const { engine, opened } = device();
  await engine.loadModel(source('llama'));
  const estimate = await engine.estimate(experiment);
  expect(estimate).toMatchObject({ steps: 2 * 2 * 3, count: 2 });
  const seen: number[] = [];
  const watched = watcher();
  await engine.predict('one');
  const held = opened[0]?.liveTensors;
  const { elapsedMs } = await engine.run(experiment, {
    onUpdate: watched.onUpdate,
    onProgress: ({ done, total, unit, stage }) => {
      expect([total, unit, stage]).toEqual([estimate.rowLayers, 'layer-passes', 'Training']);
      seen.push(done);
    },
  });
  expect(elapsedMs).toBeGreaterThan(0);
  expect(seen.at(-1)).toBe(estimate.rowLayers);
  const result = watched.result();
  expect(result && isAlignComplete(result)).toBe(true);
  expect(readAlignResult(JSON.parse(JSON.stringify(result)))).toEqual(await expected());
  expect(opened[0]?.liveTensors).toBe(held);
});

test('what cannot be trained is refused before anything runs', async () => {
  const { engine, runs } = device();
  await engine.loadModel(source('llama'));
  const before = runs();
  const wide = { ...experiment, intervention: { type: 'LowRankRotated', rank: 9999 } } as const;
  await expect(engine.estimate(wide)).rejects.toThrow("'intervention.rank' is 9999");
  await expect(engine.run(wide)).rejects.toThrow("'intervention.rank' is 9999");
  expect(runs()).toBe(before);
});

test('a lost device costs the site in training: its finished sites stay, and the numbers are the same', async () => {
  const whole = device();
  await whole.engine.loadModel(source('llama'));
  const undisturbed = await trained(whole.engine);
  const { engine, opened } = device(Math.round(0.7 * whole.runs()));
  await engine.loadModel(source('llama'));
  const watched = watcher();
  await engine.run(experiment, { onUpdate: watched.onUpdate });
  expect(opened).toHaveLength(2);
  expect(watched.result()).toEqual(undisturbed);
  expect(watched.ofKind('begin').map(({ site }) => site)).toEqual([0, 1, 1]);
  expect(watched.ofKind('started')).toHaveLength(1);
});

test('a training that is cancelled leaves its numbers, holds nothing, and goes on with what is finished', async () => {
  const { engine, opened } = device();
  await engine.loadModel(source('llama'));
  const whole = await trained(engine);
  const held = opened[0]?.liveTensors;
  const controller = new AbortController();
  const watched = watcher();
  const stopped = engine.run(experiment, {
    signal: controller.signal,
    onUpdate: (update) => {
      watched.onUpdate(update);
      // The fifth of six steps at the second of two sites.
      if (watched.ofKind('step').length === 11) controller.abort();
    },
  });
  await expect(stopped).rejects.toThrow('abort');
  expect(opened[0]?.liveTensors).toBe(held);
  const kept = watched.result();
  if (!kept) throw new Error('nothing had arrived');
  expect(kept.sites[1]?.end).toBe('begun');
  expect(kept.sites[1]?.steps.loss).toHaveLength(5);
  // Those of a site as it begins: a run of the second site alone, of which nothing is heard after that.
  const begun = watcher();
  await engine.run(experiment, {
    leaveOut: ['layer 0, position 1'],
    onUpdate: (update) => begun.ofKind('begin').length === 0 && begun.onUpdate(update),
  });
  expect(begun.result()?.sites.map((site) => site?.steps.loss)).toEqual([undefined, []]);
  expect(kept.sites[1]?.parameters).not.toEqual(begun.result()?.sites[1]?.parameters);

  const again = watcher();
  await engine.run(experiment, { earlier: kept, onUpdate: again.onUpdate });
  expect(again.result()).toEqual(whole);
  expect(again.ofKind('begin')).toHaveLength(1);
});

test('between two steps other calls have their turn, and another model ends the training with a sentence', async () => {
  const { engine, opened } = device();
  await engine.loadModel(source('llama'));
  const answered: string[] = [];
  let asked: Promise<unknown> | undefined;
  let loading: Promise<unknown> | undefined;
  const watched = watcher();
  const ended = engine.run(experiment, {
    onUpdate: (update) => {
      watched.onUpdate(update);
      if (watched.changes.at(-1)?.kind !== 'step') return;
      asked ??= engine.predict('one two').then(() => answered.push(`after ${watched.changes.length}`));
      if (watched.changes.length > 8) loading ??= engine.loadModel(source('gpt2'));
    },
  });
  await expect(ended).rejects.toThrow('Another model was loaded while this ran.');
  await asked;
  await loading;
  expect(answered).toHaveLength(1);
  expect(watched.changes.length).toBeLessThan(14);
  // Nothing of the training is left beside the new model.
  const fresh = device();
  await fresh.engine.loadModel(source('gpt2'));
  expect(opened[0]?.liveTensors).toBe(fresh.opened[0]?.liveTensors);
});
