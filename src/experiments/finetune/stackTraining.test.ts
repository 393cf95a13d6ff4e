// Finetunings of models that read more than a text, against PyTorch in float64: losses of steps and the parameters after them. What
// PyTorch computed lies in `../expected/stacks.expected.json`, made by `../expected/train_stacks.py` of the test's own calls.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { firstInput } from '../../architectures/architecture.ts';
import { moduleInput } from '../../interventions/configuration/modules.ts';
import type { Model } from '../../runtime/model.ts';
import type { RowSource, RowStart } from '../../runtime/plan/plan.ts';
import { modelsOnNodeAndWasm } from '../fixtures/openedModels.ts';
import { picturesOf, readingExamples } from '../fixtures/readingExamples.ts';
import {
  expectSteps,
  hasMoved,
  ofFirstAdapter,
  plainNumbers,
  type Stepped,
  shapedNumbers,
  steppedInPyTorch,
  stepsOfRun,
} from '../fixtures/steppedInPyTorch.ts';
import { forced } from '../teacherForcing.ts';
import { initialParameters, positionsIn, trainedParameters } from './adapter.ts';
import { estimateFinetune } from './estimate.ts';
import { type FinetuneExperimentFile, readFinetuneExperiment } from './experiment.ts';
import { resolveFinetune } from './resolve.ts';
import { runFinetune } from './run.ts';

/** Unless a case says another. */
const usualRate = 0.5;

type Adapter = FinetuneExperimentFile['adapters'][number];

const cases: readonly (readonly [model: string, Adapter, rate?: number])[] = [
  [
    't5-gated',
    {
      ...{ type: 'LoReFT', rank: 3, component: 'encoder.block_output', layers: [1] },
      positions: { first: 1, last: 2 },
    },
  ],
  [
    't5-gated',
    { type: 'LoRA', rank: 2, alpha: 6, component: 'encoder.value_output', layers: [2], positions: 'all' },
    // With a larger step float32 is further from float64 than what is compared, in PyTorch too.
    0.05,
  ],
  ['t5-gated', { type: 'NoReFT', rank: 2, layers: [0] }],
  ['t5-gated', { type: 'SteeringVector', component: 'cross_value_output', layers: [1], positions: 'all' }],
  [
    't5-gated',
    { type: 'LoRA', rank: 2, alpha: 6, component: 'cross_query_output', layers: [1], positions: 'all' },
  ],
  ['vit-unbiased', { type: 'LoReFT', rank: 2, layers: [1], positions: { first: 1 } }],
  [
    'vit-unbiased',
    { type: 'LoRA', rank: 2, alpha: 6, component: 'query_output', layers: [0], positions: 'all' },
  ],
  ['blip-wide', { type: 'DiReFT', rank: 2, component: 'vision.block_output', layers: [0], positions: 'all' }],
  ['blip-wide', { type: 'LoReFT', rank: 2, layers: [1], positions: { last: 1 } }],
  [
    'whisper-heads',
    { type: 'NoReFT', rank: 2, component: 'encoder.block_output', layers: [0], positions: { first: 2 } },
  ],
  ['whisper-heads', { type: 'SteeringVector', component: 'mlp_output', layers: [1], positions: 'all' }],
  ['blip-answers', { type: 'SteeringVector', component: 'vision.mlp_output', layers: [1], positions: 'all' }],
  [
    'blip-answers',
    {
      type: 'LoReFT',
      rank: 2,
      component: 'question.block_output',
      layers: [0],
      positions: { first: 1, last: 1 },
    },
  ],
  ['blip-answers', { type: 'NoReFT', rank: 2, layers: [0] }],
];

const models = await modelsOnNodeAndWasm();
afterAll(() => models.close());

function finetuneOf({ architecture }: Model, [, adapter, learningRate = usualRate]: (typeof cases)[number]) {
  const data = readingExamples(architecture);
  return resolveFinetune(
    architecture,
    undefined,
    readFinetuneExperiment({
      ...{ kind: 'finetune', version: 1, model: 'tiny', adapters: [adapter], data },
      testData: data.slice(0, 1),
      training: {
        ...{ batchSize: 2, epochs: 2, optimizer: 'sgd', shuffle: false, clip: null },
        ...{ learningRate, schedule: 'constant' },
      },
    }),
    picturesOf(architecture),
  );
}

type Numbered = readonly [data: readonly number[], shape: readonly number[]];

/** What transformers is called with, by name: numbers and their shape. */
function inputsOf({ architecture }: Model, start: RowStart): Readonly<Record<string, Numbered>> {
  const { encoder } = architecture;
  const read = firstInput(architecture);
  const ids = (tokens: readonly number[]): Numbered => [tokens, [1, tokens.length]];
  const sourceOf = (source: RowSource): Readonly<Record<string, Numbered>> => {
    if (source.kind === 'tokens')
      return { input_ids: ids(source.tokens), ...(source.source ? sourceOf(source.source) : {}) };
    const name = read?.kind === 'sound' ? 'input_features' : 'pixel_values';
    return { [name]: [[...source.data], [1, ...(read?.shape ?? [])]] };
  };
  if (start.kind === 'input') return sourceOf(start);
  if (start.kind !== 'tokens' || !start.source) throw new Error('Nothing is read beside the text.');
  const written = encoder?.input?.kind === 'image' ? 'input_ids' : 'decoder_input_ids';
  return { [written]: ids(start.tokens), ...sourceOf(start.source) };
}

async function callOf(own: (typeof cases)[number]) {
  const [name, given, rate = usualRate] = own;
  const model = await models.on('node', name);
  const { train, adapters } = finetuneOf(model, own);
  const [adapter] = adapters;
  if (!adapter) throw new Error('There is no adapter.');
  const [layer] = adapter.layers;
  const initial = trainedParameters(adapter, initialParameters(adapter, 0));
  const batch = (first: number) => ({ examples: [first, first + 1], rate });
  return {
    ...{ model: name, component: adapter.adapter.component, layer, type: given.type },
    ...(given.type === 'LoRA' ? { entering: moduleInput(adapter.adapter.component, ''), scaling: 3 } : {}),
    initial: shapedNumbers(ofFirstAdapter(initial)),
    examples: train.map((example) => {
      const { first, last } = positionsIn(model.architecture, adapter, example);
      return {
        inputs: inputsOf(model, forced(example.prompt, example.label).start),
        places: [...first, ...last],
        watched: example.prompt.watched,
        labels: example.label.ids,
      };
    }),
    steps: [batch(0), batch(2), batch(0), batch(2)],
  };
}

let expected: readonly Stepped[];
beforeAll(async () => {
  const calls = [];
  for (const each of cases) calls.push(await callOf(each));
  expected = steppedInPyTorch(
    new URL('../expected/stacks.expected.json', import.meta.url),
    new URL('../expected/train_stacks.py', import.meta.url),
    calls,
  );
}, 240_000);

const titles = cases.map(([name, { type, component = 'block_output', positions }], index) => ({
  index,
  title: `${type} at ${component} of ${name}, ${JSON.stringify(positions ?? 'last')}`,
}));

describe.each(['node', 'wasm'])('on %s', (backend) => {
  test.each(titles)('$title takes the steps that PyTorch takes', async ({ index }) => {
    const own = cases[index];
    if (!own) throw new Error('There is no such case.');
    const model = await models.on(backend, own[0]);
    const finetune = finetuneOf(model, own);
    const [adapter] = finetune.adapters;
    if (!adapter) throw new Error('There is no adapter.');
    const progress: (readonly [done: number, total: number])[] = [];
    const onProgress = (...at: readonly [number, number]) => progress.push(at);
    const { losses, parameters } = await stepsOfRun(runFinetune(model, finetune, { onProgress }));
    const found = { losses, parameters: ofFirstAdapter(parameters) };
    expectSteps(found, expected[index], 4);
    const initial = trainedParameters(adapter, initialParameters(adapter, 0));
    expect(hasMoved(found, plainNumbers(ofFirstAdapter(initial)))).toBe(true);
    const { rowLayers } = estimateFinetune(finetune, model.architecture);
    expect(progress.at(-1)).toEqual([rowLayers, rowLayers]);
  });
});
