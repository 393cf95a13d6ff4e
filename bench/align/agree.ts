// npx tsx bench/align/agree.ts --python PYTHON [--seeds 1,2,3] [--examples 400] [--only "as one"]
// The same data, site, learning rate and steps here and in pyvene's `train_alignment`: the gender of a name on the embedded
// model, one direction and boundless, at a good site and at a wrong one. Fails when two mean accuracies over the seeds are
// more than 0.02 apart.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openModel } from '../../src/checkpoint/openNode.ts';
import { type AlignExperimentFile, readAlignExperiment } from '../../src/experiments/align/experiment.ts';
import { resolveAlign } from '../../src/experiments/align/resolve.ts';
import { runAlign } from '../../src/experiments/align/run.ts';
import { genderExamples } from '../../src/experiments/align/templates.ts';
import { createNodeBackend } from '../../src/runtime/backends/nodeBackend.ts';
import { Model } from '../../src/runtime/model.ts';
import { describeMachine } from '../machine.ts';
import { pyvenePlan } from './plan.ts';

const { values } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    seeds: { type: 'string', default: '1,2,3' },
    examples: { type: 'string', default: '400' },
    /** Cases whose names hold this. */
    only: { type: 'string', default: '' },
  },
});
const bound = 0.02;
const path = fileURLToPath(new URL('../../models/tiny-atlas', import.meta.url));
const checkpoint = await openModel(path);
const tokenizer = await checkpoint.tokenizer();
const backend = createNodeBackend(2);
const model = await Model.load(checkpoint, backend);
const { pronoun } = JSON.parse(readFileSync(join(path, 'evaluation-prompts.json'), 'utf8'));
const data = genderExamples(pronoun, tokenizer, { size: Number(values.examples), seed: 1 });
const folder = mkdtempSync(join(tmpdir(), 'patchbay-align-'));

interface Case {
  readonly name: string;
  readonly layer: number;
  readonly position: AlignExperimentFile['site']['position'];
  readonly component?: string;
  readonly heads?: readonly number[];
  readonly intervention: AlignExperimentFile['intervention'];
}
const rankOne = { type: 'LowRankRotated', rank: 1 } as const;
const boundless = { type: 'BoundlessRotated', penalty: 1, boundaryRate: 0.1 } as const;
const all: readonly Case[] = [
  { name: 'rank 1, layer 3, name', layer: 3, position: 'name', intervention: rankOne },
  { name: 'rank 1, layer 5, name', layer: 5, position: 'name', intervention: rankOne },
  { name: 'rank 1, layer 6, last', layer: 6, position: 'last', intervention: rankOne },
  { name: 'rank 1, layer 7, name (wrong)', layer: 7, position: 'name', intervention: rankOne },
  {
    name: 'rank 1, layer 3, name and last as one',
    layer: 3,
    position: [['name', 'last']],
    intervention: rankOne,
  },
  {
    name: 'rank 1, layer 0, name, values of two heads as one',
    layer: 0,
    position: 'name',
    component: 'head_value_output',
    heads: [0, 2],
    intervention: rankOne,
  },
  { name: 'boundless, layer 3, name', layer: 3, position: 'name', intervention: boundless },
];
const cases = all.filter(({ name }) => name.includes(values.only));
const training = { batchSize: 16, epochs: 5, learningRate: 0.01, shuffle: false } as const;
const mean = (numbers: readonly number[]) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
const seeds = values.seeds.split(',').map(Number);

console.log(`${describeMachine()}; ${data.length} examples, seeds ${seeds.join(', ')}`);
let furthest = 0;
try {
  for (const { name, layer, position, component = 'block_output', heads, intervention } of cases) {
    const found = { ours: [] as number[], theirs: [] as number[] };
    const widths = { ours: [] as number[], theirs: [] as number[] };
    for (const seed of seeds) {
      const file: AlignExperimentFile = {
        kind: 'align',
        version: 1,
        model: 'tiny-atlas',
        site: { component, layer, position, ...(heads ? { heads } : {}) },
        intervention,
        training,
        data,
        split: { seed, testShare: 0.5 },
        seed,
      };
      const align = resolveAlign(model.architecture, tokenizer, readAlignExperiment(file));
      for await (const update of runAlign(model, align)) {
        if (update.kind !== 'end') continue;
        found.ours.push(update.testAccuracy);
        if (update.boundary) widths.ours.push(update.boundary.share);
      }
      const plan = join(folder, 'plan.json');
      writeFileSync(plan, JSON.stringify(pyvenePlan(align)));
      const script = fileURLToPath(new URL('pyvene_align.py', import.meta.url));
      const printed = execFileSync(values.python, [script, 'agree', path, plan, String(seed)], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const theirs = JSON.parse(printed.trim().split('\n').at(-1) ?? '');
      found.theirs.push(theirs.test);
      if (theirs.boundary !== undefined) widths.theirs.push(theirs.boundary);
    }
    const text = (list: readonly number[]) =>
      `${mean(list).toFixed(3)} (${list.map((x) => x.toFixed(3)).join(', ')})`;
    console.log(`${name}: test IIA here ${text(found.ours)}, pyvene ${text(found.theirs)}`);
    if (widths.ours.length > 0)
      console.log(`  width here ${text(widths.ours)}, pyvene ${text(widths.theirs)}`);
    furthest = Math.max(furthest, Math.abs(mean(found.ours) - mean(found.theirs)));
  }
} finally {
  rmSync(folder, { recursive: true });
  await model.dispose();
  await backend.close();
  await checkpoint.close();
}
console.log(`Means are ${furthest.toFixed(3)} apart at most`);
if (furthest > bound) throw new Error(`Here and in pyvene accuracies differ by more than ${bound}.`);
