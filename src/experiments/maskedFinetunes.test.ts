// Finetunings of a model that fills masks, from text: what they teach and refuse, and what was trained, used elsewhere.
// `maskedTraining.test.ts` compares their steps with PyTorch.

import { afterAll, expect, test } from 'vitest';
import { IntervenableModel } from '../interventions/intervenableModel.ts';
import { describeExamples } from './finetune/described.ts';
import { type FinetuneExperimentFile, readFinetuneExperiment } from './finetune/experiment.ts';
import { filledTwice } from './finetune/filled.ts';
import { finetuneGrowth } from './finetune/growth.ts';
import { resolveFinetune } from './finetune/resolve.ts';
import { adapterFiles, trainedAdapter } from './finetune/saved.ts';
import { trainedText } from './finetune/spoken.ts';
import { finetuneWork } from './finetune/work.ts';
import { maskedPrompts, openMaskedBesideGpt2, residues } from './fixtures/maskedModel.ts';
import { completed } from './growth.ts';

const { model, tokenizer, gpt2, close } = await openMaskedBesideGpt2();
afterAll(close);

const finetuning = (fields: Partial<FinetuneExperimentFile>, model_ = model) =>
  resolveFinetune(
    model_.architecture,
    tokenizer,
    readFinetuneExperiment({
      kind: 'finetune',
      version: 1,
      model: 'tiny',
      adapters: [{ type: 'LoReFT', rank: 2, layers: [0], positions: 'mask' }],
      data: maskedPrompts.map((prompt, at) => ({ prompt, continuation: 'AGV'[at % 3] ?? '' })),
      testData: [{ prompt: 'KK<mask>E', continuation: 'A' }],
      training: { batchSize: 6, epochs: 30, learningRate: 0.05 },
      ...fields,
    }),
  );

test('a finetuning teaches what stands at the mask, and what was trained does it in whole runs', async () => {
  const finetune = finetuning({});
  const result = await completed(finetuneWork.run(model, finetune, {}), finetuneGrowth());
  expect(result.names).toEqual(['LoReFT, rank 2, layer 0, the mask']);
  const final = result.adapters[0]?.final;
  expect(result.before.train.loss - (final?.train.loss ?? Number.NaN)).toBeGreaterThan(1);
  const { configuration, parameters, pieces } = trainedAdapter(result, 0);
  expect(pieces).toEqual([{ layer: 0, group: 'mask' }]);
  const taught = new IntervenableModel(configuration, model, { parameters });
  const { train } = finetune;
  const { intervenedOutputs } = await taught.run({
    base: train.map(({ prompt }) => prompt.tokens),
    unitLocations: { base: [train.map(({ prompt }) => [prompt.watched])] },
    logits: 'all',
  });
  const losses = intervenedOutputs.logits.map(({ data, shape }, at) => {
    const width = shape.at(-1) ?? 0;
    const { prompt: { watched } = { watched: 0 }, label } = train[at] ?? {};
    const own = [...data.subarray(watched * width, (watched + 1) * width)];
    return Math.log(own.reduce((sum, x) => sum + Math.exp(x), 0)) - (own[label?.ids[0] ?? 0] ?? Number.NaN);
  });
  expect(losses.reduce((sum, loss) => sum + loss, 0) / losses.length).toBeCloseTo(
    final?.train.loss ?? Number.NaN,
    4,
  );
  expect([...adapterFiles(result, 0).keys()]).toContain('config.json');
});

test('any mask is filled by the model itself and with what was trained', async () => {
  const finetune = finetuning({});
  const result = await completed(finetuneWork.run(model, finetune, {}), finetuneGrowth());
  const adapter = trainedText(result, 0);
  if (!adapter) throw new Error('Nothing was trained.');
  const { before, after } = await filledTwice(model, tokenizer, { prompt: 'KK<mask>E', adapter });
  // What the training's own looks at this prompt say.
  expect([before.id]).toEqual(result.before.answers[0]);
  expect([after.id]).toEqual(result.adapters[0]?.answers?.[0]);
  expect(after.text).toBe(residues[after.id]);
  expect(Math.abs(after.probability - before.probability)).toBeGreaterThan(0.05);
  await expect(filledTwice(model, tokenizer, { prompt: 'MKTY', adapter })).rejects.toThrow(
    "and the prompt has none. Write '<mask>' where it should predict.",
  );
});

test('an example under the model’s tokens says where the adapter acts', () => {
  const [found] = describeExamples(model.architecture, tokenizer, {
    adapters: finetuning({}).experiment.adapters,
    examples: [{ prompt: 'MKT<mask>Y', continuation: 'A' }],
  });
  expect(found).toMatchObject({ acts: [[4]], problem: null });
  expect(found?.prompt.map(({ text }) => text)).toEqual(['<cls>', 'M', 'K', 'T', '<mask>', 'Y', '<eos>']);
});

test.each<readonly [string, Partial<FinetuneExperimentFile>, string]>([
  [
    'no mask',
    { data: [{ prompt: 'MKTY', continuation: 'A' }] },
    "This esm model predicts what stands at a mask, and the prompt 'data.0.prompt' has none.",
  ],
  [
    'two masks',
    { data: [{ prompt: '<mask>K<mask>', continuation: 'A' }] },
    "and the prompt 'data.0.prompt' has 2 ('<mask>'), of which one can be watched.",
  ],
  [
    'a continuation of several tokens',
    { data: [{ prompt: 'MK<mask>Y', continuation: 'AG' }] },
    "The continuation 'data.0.continuation' is 2 tokens ('A', 'G'), and this model says one at its mask. Give one of a single token.",
  ],
])('a finetuning with %s is refused with a sentence', (_, fields, sentence) => {
  expect(() => finetuning(fields)).toThrow(sentence);
});

test('an adapter at the mask is refused in a model that goes on behind its prompts', () => {
  expect(() => finetuning({ data: [{ prompt: [1, 2], continuation: 3 }] }, gpt2)).toThrow(
    "'adapters.0.positions' is 'mask', and this gpt2 model goes on behind its prompts, which have none. Give { \"last\": 1 }.",
  );
});
