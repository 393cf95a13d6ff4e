// Finetunings of models that read more than a text: where adapters act, what is refused, and what was trained, used again.
// `stackTraining.test.ts` compares their steps with PyTorch.

import { afterAll, expect, test } from 'vitest';
import { IntervenableModel } from '../../interventions/intervenableModel.ts';
import { generateTexts } from '../../runtime/generation/generate.ts';
import { numbersOfText } from '../align/numbersText.ts';
import { modelsOnNode } from '../fixtures/openedModels.ts';
import { picturesOf, readingExamples } from '../fixtures/readingExamples.ts';
import { completed } from '../growth.ts';
import { floatsOf, readLogits, runRow } from '../planRuns.ts';
import { topCandidates } from '../predict.ts';
import { readResult } from '../registry.ts';
import { goneOn } from '../resolvedPrompt.ts';
import { lengthAt } from '../stackLayers.ts';
import { editedPositions, initialParameters, openAdapter, trainedParameters } from './adapter.ts';
import { describeExamples } from './described.ts';
import { type FinetuneExperimentFile, readFinetuneExperiment, withFinetuneFiles } from './experiment.ts';
import { finetuneGrowth } from './growth.ts';
import { finetuneKind } from './kind.ts';
import { resolveFinetune } from './resolve.ts';
import type { FinetuneResult } from './result.ts';
import { adapterFiles, trainedAdapter } from './saved.ts';
import { spokenEdits, trainedText } from './spoken.ts';
import { finetuneSummary } from './summary.ts';
import { finetuneWork } from './work.ts';

const { named: modelNamed, close } = await modelsOnNode([
  't5-gated',
  'vit-unbiased',
  'blip-answers',
  'whisper-heads',
]);
afterAll(close);

type Adapter = FinetuneExperimentFile['adapters'][number];

function finetuning(name: string, adapter: Adapter, more: Partial<FinetuneExperimentFile> = {}) {
  const { architecture } = modelNamed(name);
  const data = readingExamples(architecture);
  const experiment = readFinetuneExperiment({
    ...{ kind: 'finetune', version: 1, model: 'tiny', adapters: [adapter], data },
    testData: data.slice(0, 2),
    training: { batchSize: 2, epochs: 4, learningRate: 0.05 },
    ...more,
  });
  return resolveFinetune(architecture, undefined, experiment, picturesOf(architecture));
}

const trained = (name: string, adapter: Adapter): Promise<FinetuneResult> =>
  completed(finetuneWork.run(modelNamed(name), finetuning(name, adapter), {}), finetuneGrowth());

const ofEncoder: Adapter = {
  ...{ type: 'LoReFT', rank: 2, component: 'encoder.block_output', layers: [1] },
  positions: { first: 1, last: 1 },
};

test.each<readonly [string, Adapter]>([
  ['t5-gated', ofEncoder],
  ['t5-gated', { type: 'LoReFT', rank: 2, layers: [0] }],
  ['t5-gated', { type: 'SteeringVector', layers: [1], positions: 'all' }],
  ['whisper-heads', { ...ofEncoder, layers: [0], positions: 'all' }],
  ['blip-answers', { ...ofEncoder, component: 'vision.block_output' }],
  ['blip-answers', { ...ofEncoder, component: 'question.block_output', layers: [0] }],
])('a %s says under %j what whole runs under the adapter say, token by token', async (name, adapter) => {
  const model = modelNamed(name);
  const { architecture } = model;
  const finetune = finetuning(name, adapter);
  const text = trainedText(await trained(name, adapter), 0);
  const [example] = finetune.test;
  const [resolved] = finetune.adapters;
  if (!text || !example || !resolved || example.prompt.start.kind !== 'tokens')
    throw new Error('Nothing was trained.');
  const { prompt } = example;
  const row = { tokens: prompt.tokens, ...('source' in prompt.start ? { source: prompt.start.source } : {}) };
  const edits = spokenEdits(architecture, text, prompt);
  const logs: readonly [plain: number[], adapted: number[]] = [[], []];
  const [plain, adapted] = await generateTexts(
    model,
    { rows: [row, { ...row, edits }], maxNewTokens: 4 },
    {
      onStep: ({ tokens }) => {
        for (const { row: at, logProbability } of tokens) logs[at]?.push(logProbability);
      },
    },
  );
  const initial = initialParameters(resolved, 0);
  const numbers = Object.fromEntries(
    Object.entries(trainedParameters(resolved, initial)).map(([key, { shape }]) => {
      const given = text.parameters[key];
      if (!given) throw new Error(`There is no ${key}.`);
      return [key, { data: numbersOfText(given, key), shape }];
    }),
  );
  const open = openAdapter(resolved, numbers, initial, architecture);
  const said: number[] = [];
  for (let step = 0; step < 4; step++) {
    const whole = goneOn(prompt, said);
    const [before, length] = [prompt, whole].map((each) =>
      lengthAt(architecture, each, resolved.adapter.component),
    );
    const acting = open.editsOf(editedPositions(resolved, before ?? 0, length ?? 0, prompt.watched));
    const [logits] = await model.run({
      rows: [{ ...runRow(whole), edits: acting }],
      reads: [readLogits(0, whole.tokens.length - 1)],
    });
    const [best] = topCandidates(floatsOf(logits), 1);
    said.push(best?.id ?? -1);
    expect(logs[1][step]).toBeCloseTo(Math.log(best?.probability ?? Number.NaN), 4);
  }
  expect(adapted?.tokens).toEqual(said);
  const moved = logs[1].some((log, step) => Math.abs(log - (logs[0][step] ?? log)) > 0.01);
  expect(moved || plain?.tokens.join() !== said.join()).toBe(true);
});

test('an adapter of an encoder, in the library, has the loss that its training ended with', async () => {
  const model = modelNamed('t5-gated');
  const result = await trained('t5-gated', ofEncoder);
  const { train, adapters } = finetuning('t5-gated', ofEncoder);
  const { configuration, parameters } = trainedAdapter(result, 0);
  const taught = new IntervenableModel(configuration, model, { parameters });
  let [loss, tokens] = [0, 0];
  for (const { prompt, label } of train) {
    const whole = goneOn(prompt, label.ids.slice(0, -1));
    const source = prompt.input?.tokens ?? [];
    const [adapter] = adapters;
    const { first, last } = adapter
      ? editedPositions(adapter, source.length, source.length, 0)
      : { first: [], last: [] };
    const { intervenedOutputs } = await taught.run({
      base: { inputIds: [source], decoderInputIds: [whole.tokens] },
      unitLocations: { base: [[[...first, ...last]]] },
      logits: 'all',
    });
    const [{ data, shape } = { data: new Float32Array(), shape: [] }] = intervenedOutputs.logits;
    const width = shape.at(-1) ?? 0;
    label.ids.forEach((id, at) => {
      const own = [...data.subarray((prompt.watched + at) * width, (prompt.watched + at + 1) * width)];
      loss += Math.log(own.reduce((sum, x) => sum + Math.exp(x), 0)) - (own[id] ?? Number.NaN);
      tokens += 1;
    });
  }
  expect(loss / tokens).toBeCloseTo(result.adapters[0]?.final?.train.loss ?? Number.NaN, 4);
});

test('a result names the picture that was read, survives being written and read, and says what is not written', async () => {
  const result = await trained('vit-unbiased', {
    type: 'LoReFT',
    rank: 2,
    layers: [1],
    positions: { first: 1 },
  });
  const again = await readResult(JSON.parse(JSON.stringify(result)));
  expect(again).toEqual(result);
  expect(result.version).toBe(2);
  expect(result.tested.map(({ read, prompt }) => [read, prompt])).toEqual([
    ['0', []],
    ['1', []],
  ]);
  expect(finetuneSummary(result)).toContain('[0]');
  // Also of a split, whose results are of a later version.
  const split = { ...result, version: 3 as const, testedAt: [0, 1] };
  expect([...adapterFiles(split, 0).keys()]).toEqual(['numbers.safetensors', 'adapter.json']);
  const files = adapterFiles(result, 0);
  expect([...files.keys()]).toEqual(['numbers.safetensors', 'adapter.json']);
  expect(JSON.parse(new TextDecoder().decode(files.get('adapter.json'))).refused).toBe(
    'This vit model reads more than a text, and no folders for pyvene, pyreft or PEFT are written of its adapters. The numbers are in numbers.safetensors.',
  );
  const [table] = finetuneKind.show(result).tables.filter(({ name }) => name === 'answers');
  expect(table?.csv()).toContain('[0]');
});

test('a source stands in the result as its tokens', async () => {
  const result = await trained('t5-gated', ofEncoder);
  const [first] = finetuning('t5-gated', ofEncoder).test;
  expect(result.tested[0]?.source).toEqual(first?.prompt.input?.tokens);
});

test('an example says where adapters act, and in which stack', () => {
  const { architecture } = modelNamed('blip-answers');
  const place = { type: 'SteeringVector', layers: [0] } as const;
  const [found] = describeExamples(architecture, undefined, {
    adapters: [
      { ...place, component: 'vision.block_output', positions: { first: 1, last: 1 }, sharedWeights: true },
      { ...place, component: 'question.block_output', positions: 'all', sharedWeights: true },
      { ...place, component: 'block_output', positions: 'all', sharedWeights: true },
    ],
    examples: [
      { prompt: { prompt: [5, 6, 7], target: [8], image: { name: 'a.png' } }, continuation: [9, 10] },
    ],
  });
  expect(found).toMatchObject({
    problem: null,
    stacks: ['first', 'encoder', 'main'],
    // Four patches and the position before them; the question; the token that begins, the answer so far, and one that is taught.
    acts: [
      [0, 4],
      [0, 1, 2],
      [0, 1, 2],
    ],
  });
  expect(found?.source?.map(({ id }) => id)).toEqual([5, 6, 7]);
});

test('a link names pictures and does not hold them', () => {
  const experiment = readFinetuneExperiment({
    ...{ kind: 'finetune', version: 1, model: 'tiny' },
    adapters: [{ type: 'SteeringVector', layers: [0] }],
    data: [{ prompt: { prompt: '', image: { name: 'a.png', data: 'AAAA' } }, continuation: 'cat' }],
  });
  const left = withFinetuneFiles(experiment, ({ ...file }) => ('name' in file ? { name: file.name } : file));
  expect(left.data[0]?.prompt).toEqual({ prompt: '', image: { name: 'a.png' } });
});

const vector: Adapter = { type: 'SteeringVector', layers: [0] };
test.each<readonly [string, string, Adapter, Partial<FinetuneExperimentFile>, string]>([
  [
    'a picture of a model of text',
    't5-gated',
    vector,
    { data: [{ prompt: { prompt: [5], image: { name: 'a.png' } }, continuation: 6 }] },
    "'data.0.prompt': This t5 model reads no picture. Leave out 'image'.",
  ],
  [
    'no picture',
    'vit-unbiased',
    vector,
    { data: [{ prompt: '', continuation: 0 }] },
    "'data.0.prompt': This vit model reads a picture, and the experiment has none.",
  ],
  [
    'a class that there is not',
    'vit-unbiased',
    vector,
    { data: [{ prompt: { prompt: '', image: { name: '0' } }, continuation: 'zebra' }] },
    "The model has no class 'zebra', the continuation 'data.0.continuation'.",
  ],
  [
    'several classes',
    'vit-unbiased',
    vector,
    { data: [{ prompt: { prompt: '', image: { name: '0' } }, continuation: [0, 1] }] },
    "The continuation 'data.0.continuation' is a list of 2 ids, and this model says one class. Give its name or its number.",
  ],
  [
    'an adapter at the mask of a classifier',
    'vit-unbiased',
    { ...vector, positions: 'mask' },
    {},
    "'adapters.0.positions' is 'mask', and this vit model says a class of what it reads, which has none. Give { \"first\": 1 }.",
  ],
  [
    'a layer that the stack does not have',
    't5-gated',
    { ...vector, component: 'encoder.block_output', layers: [3] },
    {},
    "'adapters.0.layers': there is no 'encoder.block_output' in layer 3; this model has it in layers 0 to 2.",
  ],
  [
    'ends that differ of one position',
    't5-gated',
    { ...vector, positions: { first: 1, last: 1 } },
    {},
    "'data.0.prompt' has 1 position at 'block_output', too few for 'adapters.0.positions'",
  ],
  [
    'LoRA where the input is another stack’s',
    't5-gated',
    { type: 'LoRA', rank: 1, component: 'cross_key_output', layers: [0] },
    {},
    "'adapters.0.component': 'cross_key_output' is not what a module returns",
  ],
])('%s is refused with a sentence', (_, name, adapter, more, sentence) => {
  expect(() => finetuning(name, adapter, more)).toThrow(sentence);
});
