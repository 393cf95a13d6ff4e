// Trainings of models that fill masks, against PyTorch in float64: losses of steps and the parameters after them. What PyTorch
// computed lies in `expected/masked.expected.json`, made by `expected/train_masked.py` of the test's own calls.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modulePathOf } from '../interventions/configuration/modulePaths.ts';
import { moduleInput } from '../interventions/configuration/modules.ts';
import { seededRandom } from '../runtime/fixtures/tinyCheckpoint.ts';
import type { Model } from '../runtime/model.ts';
import { type AlignExperimentFile, readAlignExperiment } from './align/experiment.ts';
import { resolveAlign } from './align/resolve.ts';
import { runAlign } from './align/run.ts';
import { partsOf } from './align/sites.ts';
import { stepsOf, temperatureAfter } from './align/siteTraining.ts';
import { trainableOf } from './align/trainable.ts';
import { editedPositions, initialParameters, trainedParameters } from './finetune/adapter.ts';
import { type FinetuneExperimentFile, readFinetuneExperiment } from './finetune/experiment.ts';
import { resolveFinetune } from './finetune/resolve.ts';
import { runFinetune } from './finetune/run.ts';
import { expectedModel, mask, residuesTokenizer } from './fixtures/maskedModel.ts';
import { modelsOnNodeAndWasm } from './fixtures/openedModels.ts';
import {
  expectSteps,
  hasMoved,
  ofFirstAdapter,
  type Stepped,
  shapedNumbers,
  steppedInPyTorch,
  stepsOfRun,
} from './fixtures/steppedInPyTorch.ts';

const next = seededRandom(5);
const letter = () => 4 + Math.floor(((next() + 1) / 2) * 24);
/** A mask somewhere in it, and as long as asked for. */
function prompt(length: number, at: number): readonly number[] {
  const inner = Array.from({ length: length - 2 }, letter);
  inner[at] = mask;
  return [0, ...inner, 2];
}
/** Of unequal lengths, with the mask in other places. */
const pairs = Array.from({ length: 6 }, (_, at) => ({
  base: prompt(6 + (at % 4), at % 3),
  source: prompt(5 + ((3 * at) % 5), (2 * at) % 3),
  label: letter(),
}));
const steps = { batchSize: 3, epochs: 2, optimizer: 'sgd', shuffle: false } as const;
/** Unless a case says another: of a site that does little it is larger, so that a wrong step would show. */
const usualRate = 0.05;

const alignments: readonly (readonly [
  model: string,
  site: AlignExperimentFile['site'],
  intervention: AlignExperimentFile['intervention'],
  more?: Pick<NonNullable<AlignExperimentFile['training']>, 'learningRate' | 'temperature'>,
])[] = [
  [
    'bert-relu',
    { component: 'block_output', layer: 0, position: 'mask' },
    { type: 'LowRankRotated', rank: 3 },
  ],
  [
    'bert-relu',
    { component: 'mlp_output', layer: 1, position: 'mask' },
    { type: 'SigmoidMaskRotated' },
    { learningRate: 5, temperature: [60, 30] },
  ],
  ['roberta-relu', { component: 'mlp_activation', layer: 0, position: 3 }, { type: 'SigmoidMask' }],
  ['roberta-relu', { component: 'block_output', layer: 0, position: 'last' }, { type: 'BoundlessRotated' }],
  [
    'distilbert-sines',
    { component: 'block_output', layer: 1, position: 'mask' },
    { type: 'Rotated', dimensions: 5 },
  ],
  [
    'esm-rotary',
    { component: 'head_query_output', layer: 1, position: 'mask', heads: [2, 0] },
    { type: 'LowRankRotated', rank: 2 },
    { learningRate: 5 },
  ],
  [
    'esm-absolute',
    { component: 'block_output', layer: 0, position: [['mask', 0]] },
    { type: 'LowRankRotated', rank: 4 },
  ],
];

const adapters: readonly (readonly [string, FinetuneExperimentFile['adapters'][number]])[] = [
  ['bert-relu', { type: 'LoReFT', rank: 3, layers: [0], positions: 'mask' }],
  ['roberta-relu', { type: 'NoReFT', rank: 2, layers: [0], positions: { first: 1, last: 2 } }],
  ['distilbert-sines', { type: 'DiReFT', rank: 2, layers: [0], positions: { last: 1 } }],
  [
    'esm-rotary',
    { type: 'LoRA', rank: 2, alpha: 6, component: 'query_output', layers: [0], positions: 'all' },
  ],
  ['esm-absolute', { type: 'SteeringVector', layers: [0], positions: 'all' }],
];

const tokenizer = await residuesTokenizer();
const models = await modelsOnNodeAndWasm();
afterAll(() => models.close());

/** In batches in the order of the file, twice. */
function batches<T>(examples: readonly T[], rate: number, more: (step: number) => object) {
  const halves = [examples.slice(0, 3), examples.slice(3)];
  return [...halves, ...halves].map((batch, step) => ({ examples: batch, rate, ...more(step) }));
}

const alignmentOf = (model: Model, [, site, intervention, more]: (typeof alignments)[number]) =>
  resolveAlign(
    model.architecture,
    tokenizer,
    readAlignExperiment({
      kind: 'align',
      version: 1,
      model: 'tiny',
      site,
      intervention,
      data: pairs,
      testData: pairs.slice(0, 2),
      training: {
        ...steps,
        learningRate: usualRate,
        schedule: 'constant',
        temperature: [2, 0.5],
        ...more,
      },
    }),
  );

async function alignCall(given: (typeof alignments)[number]) {
  const [name, , intervention] = given;
  const model = await models.on('node', name);
  const align = alignmentOf(model, given);
  const [own] = align.sites;
  if (!own) throw new Error('There is no site.');
  const { component, layer, heads } = own;
  const { modelType, components } = model.architecture;
  const { training } = align.experiment;
  const total = stepsOf(pairs.length, training);
  return {
    model: name,
    path: modulePathOf({ modelType }, component.replace(/^head_/, ''), layer),
    type: intervention.type,
    penalty: 1,
    ...('dimensions' in intervention ? { dimensions: intervention.dimensions } : {}),
    ...(heads ? { heads, head_width: components.find((each) => each.name === component)?.width } : {}),
    initial: shapedNumbers(trainableOf(align.experiment, partsOf(align, own)).trained),
    steps: batches(
      align.train.map(({ base, source, places: [place], label }) => ({
        base: base.tokens,
        source: source.tokens,
        places: [place?.base, place?.source],
        watched: base.watched,
        label: label.ids[0],
      })),
      training.learningRate,
      (step) => ({ temperature: temperatureAfter(step, total, training) }),
    ),
  };
}

const finetuneOf = (model: Model, adapter: FinetuneExperimentFile['adapters'][number]) =>
  resolveFinetune(
    model.architecture,
    tokenizer,
    readFinetuneExperiment({
      kind: 'finetune',
      version: 1,
      model: 'tiny',
      adapters: [adapter],
      data: pairs.map(({ base, label }) => ({ prompt: base, continuation: label })),
      testData: [{ prompt: pairs[0]?.source ?? [], continuation: 5 }],
      training: { ...steps, learningRate: usualRate, schedule: 'constant', clip: null },
    }),
  );

async function adapterCall([name, given]: (typeof adapters)[number]) {
  const model = await models.on('node', name);
  const { train, adapters: all } = finetuneOf(model, given);
  const [adapter] = all;
  if (!adapter) throw new Error('There is no adapter.');
  const { component } = adapter.adapter;
  const { modelType } = model.architecture;
  const path = modulePathOf({ modelType }, component, 0);
  const trained = trainedParameters(adapter, initialParameters(adapter, 0));
  return {
    model: name,
    path,
    type: given.type,
    ...(given.type === 'LoRA'
      ? { entering: path?.replace(/output$/, 'input'), scaling: 3, enters: moduleInput(component, '') }
      : {}),
    initial: shapedNumbers(ofFirstAdapter(trained)),
    steps: batches(
      train.map(({ prompt: { tokens: base, watched }, label }) => {
        const { first, last } = editedPositions(adapter, base.length, base.length, watched);
        return { base, places: [[...first, ...last], null], watched, label: label.ids[0] };
      }),
      usualRate,
      () => ({}),
    ),
  };
}

let expected: readonly Stepped[];
beforeAll(async () => {
  const calls = [];
  for (const each of alignments) calls.push(await alignCall(each));
  for (const each of adapters) calls.push(await adapterCall(each));
  expected = steppedInPyTorch(
    new URL('expected/masked.expected.json', import.meta.url),
    new URL('expected/train_masked.py', import.meta.url),
    calls,
    calls.map((call) => ({ ...call, model: expectedModel(call.model) })),
  );
}, 120_000);

async function alignedOn(backend: string, given: (typeof alignments)[number]) {
  const model = await models.on(backend, given[0]);
  return stepsOfRun(runAlign(model, alignmentOf(model, given)));
}

async function taughtOn(backend: string, [name, adapter]: (typeof adapters)[number]): Promise<Stepped> {
  const model = await models.on(backend, name);
  const { losses, parameters } = await stepsOfRun(runFinetune(model, finetuneOf(model, adapter)));
  return { losses, parameters: ofFirstAdapter(parameters) };
}

const titles = alignments.map(([name, { component, position }, { type }], index) => ({
  index,
  title: `${type} at ${component} of ${name}, position ${position}`,
}));
describe.each(['node', 'wasm'])('on %s', (backend) => {
  test.each(titles)('$title takes the steps that PyTorch takes', async ({ index }) => {
    const given = alignments[index];
    if (!given) throw new Error('There is no such case.');
    const found = await alignedOn(backend, given);
    expectSteps(found, expected[index], 4);
    expect(hasMoved(found, found.initial)).toBe(true);
  });

  test.each(
    adapters.map(([name, { type, positions }], index) => ({ index, title: `${type} of ${name}`, positions })),
  )('$title at $positions takes the steps that PyTorch takes', async ({ index }) => {
    const given = adapters[index];
    if (!given) throw new Error('There is no such case.');
    expectSteps(await taughtOn(backend, given), expected[alignments.length + index], 4);
  });
});
