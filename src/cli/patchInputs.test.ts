// Experiments with models that read a picture or a source, from files with paths.

import { expect, test, vi } from 'vitest';
import { readFinetuneResult } from '../experiments/finetune/result.ts';
import { readInterveneResult } from '../experiments/intervene/result.ts';
import { readPatchResult } from '../experiments/patch/result.ts';
import { readSteerResult } from '../experiments/steer/result.ts';
import { captionModel, classifierModel, commandLineFolder, wordModel } from './fixtures/commandLine.ts';
import { main } from './main.ts';

vi.mock(import('../runtime/backends/nodeBackend.ts'), async (original) => {
  const { createNodeBackend } = await original();
  return { createNodeBackend: () => createNodeBackend(1) };
});

const { path, complained, run, written } = commandLineFolder({ kind: 'patch', version: 1 });
const result = () => readPatchResult(JSON.parse(written('result.json')));

test('a pair of pictures is patched, drawn over the clean one, and its result holds both', async () => {
  const model = captionModel(path('blip'), 40);
  const pair = {
    clean: 'w5 w9',
    image: { file: 'wide.png' },
    corruptedImage: { file: 'grey.png' },
    exchanged: { patches: [0, 0, 1, 2] },
  };
  const sweeps = [{ component: 'vision.block_output' }, { component: 'block_output' }];
  expect(await run({ model, pairs: [pair], parts: 2, sweeps })).toBe(0);
  const { panels, input, pairs, experiment } = result();
  expect(panels.map(({ cells }) => cells.length)).toEqual([3 * 5, 2 * 3]);
  expect(input).toMatchObject({ kind: 'image', corrupted: [1, 3], grid: { across: 2, down: 2 } });
  expect(pairs[0]?.clean.map(({ id }) => id)).toEqual([2, 5, 9]);
  expect(experiment.pairs[0]?.corruptedImage).toMatchObject({ name: 'grey.png', data: expect.any(String) });
  // The picture once, and for each of three layers its place, a veil and four squares.
  const drawn = written('picture.svg');
  expect(drawn.match(/<image /g)).toHaveLength(1);
  expect(drawn.match(/fill-opacity=/g)).toHaveLength(3 * (1 + 4));
  const lines = written('cells.csv').trim().split('\n');
  expect(lines[3]).toMatch(/^vision\.block_output,0,,0,class,0,0,/);
  expect(lines).toHaveLength(1 + 2 + 15 + 6);
  expect(complained()).toEqual([]);
});

test('a pair of sources is patched with the target that both have', async () => {
  const pair = { clean: 'w5 w9 w7', corrupted: 'w5 w11 w7', target: 'w3 w4', answer: 'w8' };
  const sweeps = [{ component: 'encoder.block_output' }, { component: 'block_output' }];
  expect(await run({ model: wordModel(path('t5'), 't5-gated', 40), pairs: [pair], sweeps })).toBe(0);
  const { panels, pairs } = result();
  expect(panels.map(({ cells }) => cells.length)).toEqual([3 * 3, 2 * 3]);
  expect(pairs[0]).toMatchObject({
    clean: [{ id: 0 }, { text: 'w3' }, { text: 'w4' }],
    answer: { text: 'w8' },
  });
  expect(pairs[0]?.corruptedSource?.map(({ text }) => text)).toEqual(['w5', 'w11', 'w7']);
  expect(written('figure.svg')).toContain('corrupted “w5 w11 w7” with the target “w3 w4”');
});

test('paths of a pair of sources are followed from the encoder, and the files say so', async () => {
  const pair = { clean: 'w5 w9 w7', corrupted: 'w5 w11 w7' };
  const paths = {
    kind: 'path',
    sending: 'encoder.head_attention_value_output',
    receivers: [{ component: 'head_cross_value_output', heads: [[1, 0]] }],
  };
  expect(await run({ model: wordModel(path('t5'), 't5-gated', 40), pairs: [pair], ...paths })).toBe(0);
  expect(result().panels.map(({ cells, layerCount }) => [cells.length, layerCount])).toEqual([[3 * 3, 3]]);
  expect(written('figure.svg')).toContain('Heads send by encoder.head_attention_value_output.');
  const lines = written('cells.csv').trim().split('\n');
  expect(lines[3]).toMatch(/^encoder\.head_attention_value_output to head_cross_value_output of 1\.0,0,0,,/);
  expect(lines).toHaveLength(1 + 2 + 9);
});

test('a steering of a picture’s states goes on from words, with files by their paths', async () => {
  const model = captionModel(path('blip'), 40);
  const beside = (name: string) => ({ prompt: 'w5', image: { file: `${name}.png` } });
  const from = {
    method: 'difference',
    positive: [beside('wide')],
    negative: [beside('grey')],
    token: 'mean',
  };
  const steer = {
    ...{ kind: 'steer', model, prompts: [beside('wide'), { ...beside('grey'), prompt: 'w5 w9' }] },
    vectors: [{ name: 'seen', component: 'vision.block_output', layers: [1], from }],
    edits: [{ vector: 'seen', strength: 3 }],
    generation: { maxNewTokens: 4 },
  };
  expect(await run(steer)).toBe(0);
  const { experiment, prompts, texts, version } = readSteerResult(JSON.parse(written('result.json')));
  expect(version).toBe(2);
  expect(prompts.map(({ tokens }) => tokens)).toEqual([
    [2, 5],
    [2, 5, 9],
  ]);
  expect(experiment.prompts[0]).toMatchObject({ image: { name: 'wide.png', data: expect.any(String) } });
  expect(texts.map((all) => all?.map(({ column }) => column))).toEqual([
    ['unsteered', 'steered'],
    ['unsteered', 'steered'],
  ]);
  // The steering that the result brings along does the same on the command line.
  const said: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  const steering = ['--steer', path('out', 'steering.json'), '--tokens', '4'];
  expect(await main(['generate', model, 'w5', '--image', path('wide.png'), ...steering])).toBe(0);
  const steered = texts[0]?.find(({ column }) => column === 'steered');
  expect(said.join('').trim()).toBe(steered?.text.trim());
});

test('an intervention without sources reads its base’s picture by the path too', async () => {
  const model = captionModel(path('blip'), 40);
  const base = { prompt: 'w5', image: { file: 'wide.png' } };
  const representations = [{ layer: 0, component: 'block_output', intervention_type: 'ZeroIntervention' }];
  const file = { kind: 'intervene', model, base, configuration: { representations } };
  await run({ ...file, unitLocations: { 'sources->base': [[[[1]]], [[[1]]]] } });
  expect(complained()).toEqual([]);
  const { experiment } = readInterveneResult(JSON.parse(written('result.json')));
  expect(experiment.base).toMatchObject({ image: { name: 'wide.png', data: expect.any(String) } });
});

test('a finetuning teaches classes by name, of pictures by their paths, and its files name both', async () => {
  const example = (name: string, continuation: string) => ({
    prompt: { prompt: '', image: { file: `${name}.png` } },
    continuation,
  });
  const data = [example('wide', 'street'), example('grey', 'dog')];
  const adapters = [{ type: 'LoReFT', rank: 2, layers: [1], positions: { first: 1 } }];
  const training = { batchSize: 2, epochs: 20, learningRate: 0.1 };
  await run({
    kind: 'finetune',
    model: await classifierModel(path('vit')),
    adapters,
    data,
    testData: data,
    training,
  });
  expect(complained()).toEqual([]);
  const found = readFinetuneResult(JSON.parse(written('result.json')));
  expect(found.experiment.data[0]?.prompt).toMatchObject({
    image: { name: 'wide.png', data: expect.any(String) },
  });
  expect(found.texts).toMatchObject({ 1: 'dog', 2: 'street' });
  expect(found.adapters[0]?.final?.test.match).toBe(1);
  const [, ...lines] = written('answers.csv').trim().split('\n');
  expect(lines.slice(-2)).toEqual([
    expect.stringMatching(/\[wide\.png\],street,street,true$/),
    expect.stringMatching(/\[grey\.png\],dog,dog,true$/),
  ]);
});

test('classes are named without a tokenizer, which a model of pictures alone does not have', async () => {
  const model = await classifierModel(path('vit'));
  const pair = { clean: '', image: { file: 'wide.png' }, corruptedImage: { file: 'grey.png' } };
  const named = { ...pair, answer: 'tabby cat', distractor: 'street' };
  await run({ model, pairs: [named], parts: 1, sweeps: [{ component: 'block_output' }] });
  expect(complained()).toEqual([]);
  const { pairs, panels } = result();
  expect(pairs[0]).toMatchObject({ answer: { id: 0, text: 'tabby cat' }, distractor: { id: 2 } });
  // The position without pixels and the one part, in two layers.
  expect(panels[0]?.cells).toHaveLength(2 * 2);
});
