// npx tsx bench/align/agree.ts --python PYTHON [--seeds 1,2,3] [--examples 400] [--only "as one"]
// The same data, site, batches, learning rate and steps here and in pyvene's `train_alignment`, from the same rotation: the gender
// of a name on the embedded model, one direction and boundless, at a good site and at a wrong one. One direction is trained here
// by the Householder vectors that pyvene trains, from the same ones, and on the manifold, which is the default, at the same rate and
// at twice the rate. Fails when losses of the first are further apart than a thousandth of the first loss at one of the first 40 steps,
// or mean accuracies over the seeds of the first and the last than 0.02.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openModel } from '../../src/checkpoint/openNode.ts';
import { type AlignExperimentFile, readAlignExperiment } from '../../src/experiments/align/experiment.ts';
import { type ResolvedAlign, resolveAlign } from '../../src/experiments/align/resolve.ts';
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
  /** What is trained together with it, and its task. */
  readonly joint?: Pick<AlignExperimentFile, 'jointly' | 'data'>;
}
const landmarks: AlignExperimentFile = JSON.parse(
  readFileSync(new URL('../../examples/align/landmark-and-kind.json', import.meta.url), 'utf8'),
);
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
  {
    name: 'rank 16, layer 3, landmark, and last, jointly from two sources',
    layer: 3,
    position: 'landmark',
    intervention: { type: 'LowRankRotated', rank: 16 },
    joint: { jointly: landmarks.jointly, data: landmarks.data },
  },
  { name: 'boundless, layer 3, name', layer: 3, position: 'name', intervention: boundless },
];
const cases = all.filter(({ name }) => name.includes(values.only));
const training = { batchSize: 16, epochs: 5, learningRate: 0.01, shuffle: false } as const;
const mean = (numbers: readonly number[]) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
/** Standard deviation of a sample. */
const deviation = (numbers: readonly number[]) =>
  Math.sqrt(numbers.reduce((sum, x) => sum + (x - mean(numbers)) ** 2, 0) / Math.max(1, numbers.length - 1));
const seeds = values.seeds.split(',').map(Number);

interface Found {
  readonly losses: readonly number[];
  readonly test: number;
  readonly boundary?: number | undefined;
}

/** On the manifold a rate is what a step goes; behind Householder vectors columns go twice as far, near their start. */
const ways = {
  householder: { rotation: 'householder', learningRate: training.learningRate },
  manifold: { rotation: 'manifold', learningRate: training.learningRate },
  'manifold, twice the rate': { rotation: 'manifold', learningRate: 2 * training.learningRate },
} as const;

function resolved(each: Case, seed: number, way: keyof typeof ways): ResolvedAlign {
  const { layer, position, component = 'block_output', heads, intervention, joint } = each;
  const file: AlignExperimentFile = {
    kind: 'align',
    version: 1,
    model: 'tiny-atlas',
    site: { component, layer, position, ...(heads ? { heads } : {}) },
    intervention,
    training: { ...training, ...ways[way] },
    data,
    ...joint,
    split: { seed, testShare: 0.5 },
    seed,
  };
  return resolveAlign(model.architecture, tokenizer, readAlignExperiment(file));
}

async function here(align: ResolvedAlign): Promise<Found> {
  const losses: number[] = [];
  for await (const update of runAlign(model, align)) {
    if (update.kind === 'step') losses.push(update.loss);
    if (update.kind !== 'end') continue;
    return { losses, test: update.testAccuracy, boundary: update.boundary?.share };
  }
  throw new Error('The site did not end.');
}

function inPyvene(align: ResolvedAlign, seed: number): Found {
  const plan = join(folder, 'plan.json');
  writeFileSync(plan, JSON.stringify(pyvenePlan(align)));
  const script = fileURLToPath(new URL('pyvene_align.py', import.meta.url));
  const printed = execFileSync(values.python, [script, 'agree', path, plan, String(seed)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(printed.trim().split('\n').at(-1) ?? '');
}

const text = (list: readonly number[]) =>
  `${mean(list).toFixed(3)} ± ${deviation(list).toFixed(3)} (${list.map((x) => x.toFixed(3)).join(', ')})`;

console.log(`${describeMachine()}; ${data.length} examples, seeds ${seeds.join(', ')}; mean ± deviation`);
let furthest = 0;
let furthestLoss = 0;
try {
  for (const each of cases) {
    const isLowRank = each.intervention.type === 'LowRankRotated';
    const tried: readonly (keyof typeof ways)[] = isLowRank
      ? ['householder', 'manifold', 'manifold, twice the rate']
      : ['manifold'];
    const found = new Map<string, Found[]>();
    for (const seed of seeds) {
      const [first = 'manifold'] = tried;
      found.set('pyvene', [...(found.get('pyvene') ?? []), inPyvene(resolved(each, seed, first), seed)]);
      for (const way of tried)
        found.set(way, [...(found.get(way) ?? []), await here(resolved(each, seed, way))]);
    }
    console.log(`${each.name}: test IIA`);
    const theirs = found.get('pyvene') ?? [];
    for (const [way, list] of found) {
      const own = list.map(({ test }) => test);
      console.log(`  ${way}: ${text(own)}`);
      const widths = list.flatMap(({ boundary }) => boundary ?? []);
      if (widths.length > 0) console.log(`    width ${text(widths)}`);
      if (way === 'pyvene') continue;
      const apart = (steps: number) =>
        Math.max(
          ...list.flatMap(({ losses }, at) =>
            losses.slice(0, steps).map((loss, step) => {
              return Math.abs(loss - (theirs[at]?.losses[step] ?? Number.NaN)) / (losses[0] ?? Number.NaN);
            }),
          ),
        );
      const differences = own.map((test, at) => test - (theirs[at]?.test ?? Number.NaN));
      console.log(
        `    losses apart, as a share of the first, by ${apart(1).toExponential(1)} at step 1, ${apart(40).toExponential(1)} in 40 steps, ${apart(1000).toExponential(1)} in all; accuracies by ${text(differences)}`,
      );
      // Half as far a step on the manifold is not the same recipe.
      if (way !== 'manifold' || !isLowRank) furthest = Math.max(furthest, Math.abs(mean(differences)));
      if (way === 'householder') furthestLoss = Math.max(furthestLoss, apart(40));
    }
  }
} finally {
  rmSync(folder, { recursive: true });
  await model.dispose();
  await backend.close();
  await checkpoint.close();
}
console.log(
  `Means are ${furthest.toFixed(3)} apart at most, losses of one path ${furthestLoss.toExponential(1)}`,
);
if (!(furthest <= bound)) throw new Error(`Here and in pyvene accuracies differ by more than ${bound}.`);
if (!(furthestLoss <= 1e-3))
  throw new Error('Here and in pyvene the losses of one path differ by more than a thousandth of the first.');
