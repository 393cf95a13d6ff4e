// npx tsx bench/finetune/agree.ts --python PYTHON [--only LoReFT] [--rate 0.004] [--seeds 1,2,3] [--epochs 10]
// An adapter of rank 4 trained here and by pyreft: the same data, batches, start and recipe for 50 steps. LoReFT twice: with the
// Householder vectors that pyreft trains, from the same ones, and on the manifold, which is the default here and begins with
// the same loss. Fails when the losses of the first, or of NoReFT, are 1 % apart at a step.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openModel } from '../../src/checkpoint/openNode.ts';
import {
  initialParameters,
  parameterKey,
  trainedParameters,
} from '../../src/experiments/finetune/adapter.ts';
import { AdapterTraining } from '../../src/experiments/finetune/adapterTraining.ts';
import { readFinetuneExperiment } from '../../src/experiments/finetune/experiment.ts';
import { KeptPrompts, promptsOf } from '../../src/experiments/finetune/keptPrompts.ts';
import { resolveFinetune } from '../../src/experiments/finetune/resolve.ts';
import { defaultKeptBytes } from '../../src/experiments/keptBases.ts';
import { createNodeBackend } from '../../src/runtime/backends/nodeBackend.ts';
import { Model } from '../../src/runtime/model.ts';
import { describeMachine } from '../machine.ts';

const { values } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    /** Cases whose names hold this. */
    only: { type: 'string', default: '' },
    rate: { type: 'string', default: '0.004' },
    seeds: { type: 'string', default: '1,2,3' },
    /** Of five steps. */
    epochs: { type: 'string', default: '10' },
  },
});
const bound = 0.01;
const [layer, rank] = [3, 4];
const epochs = Number(values.epochs);
const path = fileURLToPath(new URL('../../models/tiny-atlas', import.meta.url));
const checkpoint = await openModel(path);
const tokenizer = await checkpoint.tokenizer();
const backend = createNodeBackend(1);
const model = await Model.load(checkpoint, backend);
const example = JSON.parse(
  readFileSync(new URL('../../examples/finetune/country.json', import.meta.url), 'utf8'),
);
const folder = mkdtempSync(join(tmpdir(), 'patchbay-finetune-'));
const work = { done: () => undefined };
console.log(describeMachine());

interface Case {
  readonly name: string;
  readonly type: 'LoReFT' | 'NoReFT';
  readonly rotation: 'manifold' | 'householder';
  /** Whether both sides take the same path. */
  readonly isBound: boolean;
}
const cases: readonly Case[] = [
  { name: 'LoReFT, householder', type: 'LoReFT', rotation: 'householder', isBound: true },
  { name: 'LoReFT, manifold', type: 'LoReFT', rotation: 'manifold', isBound: false },
  { name: 'NoReFT', type: 'NoReFT', rotation: 'manifold', isBound: true },
];

async function compare({ name, type, rotation }: Case, seed: number): Promise<number> {
  const experiment = readFinetuneExperiment({
    ...example,
    adapters: [{ type, rank, layers: [layer] }],
    training: { batchSize: 10, epochs, learningRate: Number(values.rate), rotation },
    seed,
  });
  const { adapters, train } = resolveFinetune(model.architecture, tokenizer, experiment);
  const [adapter] = adapters;
  if (!adapter) throw new Error('There is no adapter.');
  const prompts = promptsOf(model.architecture, adapter, train, defaultKeptBytes);
  const kept = await KeptPrompts.of(model, adapter, prompts, work);
  const context = { model, kept, adapter, training: experiment.training, train, seed };
  const training = await AdapterTraining.begin(context);
  const batches = Array.from({ length: epochs }, (_, epoch) => training.batches(epoch)).flat();
  const losses: number[] = [];
  for (const batch of batches) {
    const made = await training.step(batch, work);
    if (typeof made === 'string') throw new Error(`The ${made} is not a number.`);
    losses.push(made.loss);
  }
  await training.dispose();
  kept.dispose();
  const initial = initialParameters(adapter, seed);
  const trained = trainedParameters(adapter, initial, { rotation, seed });
  const completion = trained[parameterKey(0, 'rotation')]?.completion;
  const [start = {}] = initial;
  const plan = join(folder, 'plan.json');
  writeFileSync(
    plan,
    JSON.stringify({
      type,
      layer,
      rank,
      learningRate: experiment.training.learningRate,
      clip: experiment.training.clip,
      start: Object.fromEntries(Object.entries(start).map(([each, { data }]) => [each, [...data]])),
      completion: completion ? [...completion] : null,
      batches: batches.map((batch) =>
        batch.map(({ prompt, label }) => ({ prompt, continuation: label.ids })),
      ),
    }),
  );
  const script = fileURLToPath(new URL('pyreft_finetune.py', import.meta.url));
  const printed = execFileSync(values.python, [script, path, plan], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const theirs: { readonly losses: readonly number[]; readonly source: string } = JSON.parse(
    printed.trim().split('\n').at(-1) ?? '',
  );
  const apart = losses.map((loss, at) => Math.abs(loss / (theirs.losses[at] ?? Number.NaN) - 1));
  const tail = (list: readonly number[]) => list.slice(-10).reduce((sum, x) => sum + x, 0) / 10;
  const shown = [1, 10, 20, 30, 40, losses.length]
    .map((step) => `${losses[step - 1]?.toFixed(5)} / ${theirs.losses[step - 1]?.toFixed(5)}`)
    .join(', ');
  console.log(
    `${name}, seed ${seed}, here / ${theirs.source}, steps 1, 10, 20, 30, 40, ${losses.length}: ${shown}`,
  );
  console.log(
    `  at most ${(100 * Math.max(...apart)).toFixed(3)} % apart at a step; the last ten ${tail(losses).toFixed(5)} / ${tail(theirs.losses).toFixed(5)}`,
  );
  return Math.max(...apart);
}

let furthest = 0;
try {
  for (const each of cases.filter(({ name }) => name.includes(values.only)))
    for (const seed of values.seeds.split(',').map(Number)) {
      const apart = await compare(each, seed);
      if (each.isBound) furthest = Math.max(furthest, apart);
    }
} finally {
  rmSync(folder, { recursive: true });
  await model.dispose();
  await backend.close();
  await checkpoint.close();
}
if (!(furthest <= bound)) throw new Error(`Here and in pyreft losses differ by more than ${bound}.`);
