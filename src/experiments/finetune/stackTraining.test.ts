// Finetunings of models that read more than a text, against PyTorch in float64: losses of steps and the parameters after them. What
// PyTorch computed lies in `../expected/stacks.expected.json`, by the test's own calls (../expected/train_stacks.py); where
// `PATCHBAY_PYTHON` names an interpreter it is computed again, and the file is written when it is missing.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { firstInput } from '../../architectures/architecture.ts';
import { openModel } from '../../checkpoint/openNode.ts';
import { moduleInput } from '../../interventions/configuration/modules.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { createWasmBackendOnNode } from '../../runtime/backends/wasmBackendOnNode.ts';
import { Model } from '../../runtime/model.ts';
import type { RowSource, RowStart } from '../../runtime/plan/plan.ts';
import { expectedModel } from '../fixtures/maskedModel.ts';
import { picturesOf, readingExamples } from '../fixtures/readingExamples.ts';
import { forced } from '../teacherForcing.ts';
import { initialParameters, positionsIn, trainedParameters } from './adapter.ts';
import { estimateFinetune } from './estimate.ts';
import { type FinetuneExperimentFile, readFinetuneExperiment } from './experiment.ts';
import { resolveFinetune } from './resolve.ts';
import { runFinetune } from './run.ts';

const python = process.env.PATCHBAY_PYTHON;
const stored = new URL('../expected/stacks.expected.json', import.meta.url);
/** Unless a case says another. */
const usualRate = 0.5;

type Adapter = FinetuneExperimentFile['adapters'][number];
type Numbers = Readonly<Record<string, readonly number[]>>;
interface Trained {
  readonly losses: readonly number[];
  readonly parameters: Numbers;
}

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

const models = new Map<string, Promise<Model>>();
const backends = new Map<string, Backend>();
const closing: (() => Promise<void>)[] = [];
function modelOn(backend: string, name: string): Promise<Model> {
  const key = `${backend} ${name}`;
  const opening = async () => {
    const found = backends.get(backend);
    if (!found) throw new Error(`There is no backend ${backend}.`);
    const checkpoint = await openModel(expectedModel(name));
    const model = await Model.load(checkpoint, found);
    closing.push(async () => {
      await model.dispose();
      await checkpoint.close();
    });
    return model;
  };
  const model = models.get(key) ?? opening();
  models.set(key, model);
  return model;
}

beforeAll(async () => {
  backends.set('node', createNodeBackend(1));
  backends.set('wasm', await createWasmBackendOnNode(1));
});
afterAll(async () => {
  for (const close of closing) await close();
  for (const backend of backends.values()) {
    expect(backend.liveTensors).toBe(0);
    await backend.close();
  }
});

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
  const model = await modelOn('node', name);
  const { train, adapters } = finetuneOf(model, own);
  const [adapter] = adapters;
  if (!adapter) throw new Error('There is no adapter.');
  const [layer] = adapter.layers;
  const initial = trainedParameters(adapter, initialParameters(adapter, 0));
  const batch = (first: number) => ({ examples: [first, first + 1], rate });
  return {
    ...{ model: name, component: adapter.adapter.component, layer, type: given.type },
    ...(given.type === 'LoRA' ? { entering: moduleInput(adapter.adapter.component, ''), scaling: 3 } : {}),
    initial: Object.fromEntries(
      Object.entries(initial).map(([key, { data, shape }]) => [key.replace('0 ', ''), [[...data], shape]]),
    ),
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

/** What PyTorch makes of calls. */
function inPyTorch(calls: readonly unknown[]): readonly Trained[] {
  const out = mkdtempSync(join(tmpdir(), 'patchbay-'));
  try {
    writeFileSync(join(out, 'calls.json'), JSON.stringify(calls));
    const script = fileURLToPath(new URL('../expected/train_stacks.py', import.meta.url));
    const printed = execFileSync(python ?? '', [script, join(out, 'calls.json')], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return printed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  } finally {
    rmSync(out, { recursive: true });
  }
}

let expected: readonly Trained[];
beforeAll(async () => {
  const calls = [];
  for (const each of cases) calls.push(await callOf(each));
  const computed = python === undefined ? undefined : inPyTorch(calls);
  if (computed && !existsSync(stored))
    writeFileSync(stored, `${JSON.stringify({ calls, trained: computed })}\n`);
  const file: { readonly calls: unknown; readonly trained: readonly Trained[] } = JSON.parse(
    readFileSync(stored, 'utf8'),
  );
  // What was computed is of these very calls.
  expect(JSON.parse(JSON.stringify(calls))).toEqual(file.calls);
  expected = file.trained;
  computed?.forEach((each, at) => {
    close(each, file.trained[at], 9);
  });
}, 240_000);

function close(found: Trained, right: Trained | undefined, digits: number): void {
  if (!right) throw new Error('There is nothing to compare with.');
  expect(found.losses).toHaveLength(right.losses.length);
  right.losses.forEach((loss, at) => {
    expect(found.losses[at]).toBeCloseTo(loss, digits);
  });
  expect(Object.keys(found.parameters).toSorted()).toEqual(Object.keys(right.parameters).toSorted());
  for (const [name, numbers] of Object.entries(right.parameters))
    numbers.forEach((number, at) => {
      expect(found.parameters[name]?.[at]).toBeCloseTo(number, digits);
    });
}

/** Whether training has moved anything by more than the tolerance, so that a wrong step would show. */
const hasMoved = ({ parameters }: Trained, initial: Numbers): boolean =>
  Object.entries(parameters).some(([name, numbers]) =>
    numbers.some((number, at) => Math.abs(number - (initial[name]?.[at] ?? 0)) > 1e-3),
  );

const titles = cases.map(([name, { type, component = 'block_output', positions }], index) => ({
  index,
  title: `${type} at ${component} of ${name}, ${JSON.stringify(positions ?? 'last')}`,
}));

describe.each(['node', 'wasm'])('on %s', (backend) => {
  test.each(titles)('$title takes the steps that PyTorch takes', async ({ index }) => {
    const own = cases[index];
    if (!own) throw new Error('There is no such case.');
    const model = await modelOn(backend, own[0]);
    const finetune = finetuneOf(model, own);
    const [adapter] = finetune.adapters;
    if (!adapter) throw new Error('There is no adapter.');
    const losses: number[] = [];
    let parameters: Numbers = {};
    const progress: (readonly [done: number, total: number])[] = [];
    const onProgress = (...at: readonly [number, number]) => progress.push(at);
    for await (const update of runFinetune(model, finetune, { onProgress })) {
      if (update.kind === 'step') losses.push(update.loss);
      if (update.kind === 'end')
        parameters = Object.fromEntries(
          Object.entries(update.numbers).map(([key, numbers]) => [key.replace('0 ', ''), [...numbers]]),
        );
    }
    close({ losses, parameters }, expected[index], 4);
    const initial = Object.entries(trainedParameters(adapter, initialParameters(adapter, 0))).map(
      ([key, { data }]) => [key.replace('0 ', ''), [...data]] as const,
    );
    expect(hasMoved({ losses, parameters }, Object.fromEntries(initial))).toBe(true);
    const { rowLayers } = estimateFinetune(finetune, model.architecture);
    expect(progress.at(-1)).toEqual([rowLayers, rowLayers]);
  });
});
