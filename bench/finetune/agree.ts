// npx tsx bench/finetune/agree.ts --python PYTHON [--type NoReFT] [--rate 0.004] [--seeds 1,2,3]
// An adapter of rank 4 trained here and by pyreft: the same data, batches, start and recipe for 50 steps. Fails when the
// losses of a NoReFT are further apart at a step than 1 % of the first one, or the means of the last ten than 1 % of theirs.
// A LoReFT begins with the same loss and takes another path: pyreft trains Householder vectors behind its rotation.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openModel } from '../../src/checkpoint/openNode.ts';
import { initialParameters } from '../../src/experiments/finetune/adapter.ts';
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
    type: { type: 'string', default: 'NoReFT' },
    rate: { type: 'string', default: '0.004' },
    seeds: { type: 'string', default: '1,2,3' },
  },
});
const bound = 0.01;
const [layer, rank, epochs] = [3, 4, 10];
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
let furthest = 0;
try {
  for (const seed of values.seeds.split(',').map(Number)) {
    const experiment = readFinetuneExperiment({
      ...example,
      adapters: [{ type: values.type, rank, layers: [layer] }],
      training: { batchSize: 10, epochs, learningRate: Number(values.rate) },
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
    const [start = {}] = initialParameters(adapter, seed);
    const plan = join(folder, 'plan.json');
    writeFileSync(
      plan,
      JSON.stringify({
        type: values.type,
        layer,
        rank,
        learningRate: experiment.training.learningRate,
        clip: experiment.training.clip,
        start: Object.fromEntries(Object.entries(start).map(([name, { data }]) => [name, [...data]])),
        batches: batches.map((batch) =>
          batch.map(({ prompt, label }) => ({ prompt, continuation: label.ids })),
        ),
      }),
    );
    const script = fileURLToPath(new URL('pyreft_finetune.py', import.meta.url));
    const printed = execFileSync(values.python, [script, path, plan], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const theirs: { readonly losses: readonly number[]; readonly source: string } = JSON.parse(
      printed.trim().split('\n').at(-1) ?? '',
    );
    const first = losses[0] ?? Number.NaN;
    const apart = losses.map((loss, at) => Math.abs(loss - (theirs.losses[at] ?? Number.NaN)) / first);
    const tail = (list: readonly number[]) => list.slice(-10).reduce((sum, x) => sum + x, 0) / 10;
    const end = Math.abs(tail(losses) / tail(theirs.losses) - 1);
    const shown = [0, 9, 19, 29, 39, 49]
      .map((at) => `${losses[at]?.toFixed(4)} / ${theirs.losses[at]?.toFixed(4)}`)
      .join(', ');
    console.log(`seed ${seed}, here / ${theirs.source}, steps 1, 10, 20, 30, 40, 50: ${shown}`);
    console.log(
      `  apart by ${(100 * Math.max(...apart)).toFixed(2)} % of the first loss at most, the last ten by ${(100 * end).toFixed(2)} %`,
    );
    furthest = Math.max(
      furthest,
      apart[0] ?? Number.NaN,
      ...(values.type === 'NoReFT' ? [...apart, end] : []),
    );
  }
} finally {
  rmSync(folder, { recursive: true });
  await model.dispose();
  await backend.close();
  await checkpoint.close();
}
if (!(furthest <= bound)) throw new Error(`Here and in pyreft losses differ by more than ${bound}.`);
