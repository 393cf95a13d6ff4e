// npx tsx bench/align/patchbay.ts MODEL.gguf THREADS POSITION RANK FOLDER
// Patchbay's side of bench/align: steps of a rotation at layer 15, 3 to warm up, then 10. Writes what pyvene's side needs to
// FOLDER/plan.json, and prints one line of JSON.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openModel } from '../../src/checkpoint/openNode.ts';
import { readAlignExperiment } from '../../src/experiments/align/experiment.ts';
import { KeptExamples, promptsOf } from '../../src/experiments/align/keptExamples.ts';
import { resolveAlign } from '../../src/experiments/align/resolve.ts';
import { partsOf } from '../../src/experiments/align/sites.ts';
import { SiteTraining } from '../../src/experiments/align/siteTraining.ts';
import { trainableOf } from '../../src/experiments/align/trainable.ts';
import { defaultKeptBytes } from '../../src/experiments/keptBases.ts';
import { standardUniform } from '../../src/random/noise.ts';
import { createNodeBackend } from '../../src/runtime/backends/nodeBackend.ts';
import { Model } from '../../src/runtime/model.ts';
import { forgetPeak, peakBytes } from '../machine.ts';
import { pyvenePlan } from './plan.ts';

const [path = '', threads = '2', position = '13', rank = '1', folder = '.'] = process.argv.slice(2);
const checkpoint = await openModel(path);
const backend = createNodeBackend(Number(threads));
const model = await Model.load(checkpoint, backend);
const [length, batchSize, count] = [14, 16, 33];
const ids = standardUniform(1, count * (2 * length + 1)).map((x) => 100 + Math.floor(x * 10_000));
const data = Array.from({ length: count }, (_, at) => {
  const own = [...ids.subarray(at * (2 * length + 1), (at + 1) * (2 * length + 1))];
  return { base: own.slice(0, length), source: own.slice(length, -1), label: own[2 * length] ?? 0 };
});
const align = resolveAlign(
  model.architecture,
  undefined,
  readAlignExperiment({
    kind: 'align',
    version: 1,
    model: path,
    site: { component: 'block_output', layer: 15, position: Number(position) },
    intervention: { type: 'LowRankRotated', rank: Number(rank) },
    data: data.slice(1),
    testData: data.slice(0, 1),
    training: { batchSize, learningRate: 1e-3, schedule: 'constant', shuffle: false },
  }),
);
writeFileSync(join(folder, 'plan.json'), JSON.stringify(pyvenePlan(align)));
const [site] = align.sites;
if (!site) throw new Error('There is no site.');
const work = { done: () => undefined };
const before = performance.now();
const [prompts] = promptsOf(model.architecture, align, defaultKeptBytes);
if (!prompts) throw new Error('There is no site.');
const weightBytes = backend.liveBytes;
const residentBytes = process.memoryUsage.rss();
forgetPeak();
const kept = await KeptExamples.of(model, align, site, prompts, work);
const keptBytes = backend.liveBytes - weightBytes;
const keepSeconds = (performance.now() - before) / 1000;
const training = await SiteTraining.begin({
  model,
  kept,
  trainable: trainableOf(align.experiment, partsOf(align, site)),
  training: align.experiment.training,
  train: align.train,
  seed: 0,
});
const losses: number[] = [];
const times: (readonly [number, number])[] = [];
const batches = training.batches(0);
for (let step = 0; step < 13; step++) {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const made = await training.step(batches[step % batches.length] ?? [], work);
  if (typeof made === 'string') throw new Error(`The ${made} is not a number.`);
  const { user, system } = process.cpuUsage(cpu);
  losses.push(made.loss);
  if (step >= 3) times.push([(performance.now() - start) / 1000, (user + system) / 1e6]);
}
const memory = {
  keptBytes,
  /** Tensors beyond the weights, at most. */
  tensorBytes: backend.peakBytes - weightBytes,
  /** Of the whole process, at most, beyond what it had when its weights were loaded. */
  processBytes: peakBytes() - residentBytes,
};
console.log(JSON.stringify({ losses, times, keepSeconds, memory }));
await training.dispose();
kept.dispose();
await model.dispose();
await backend.close();
await checkpoint.close();
