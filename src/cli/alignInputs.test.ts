// Alignments of models that read a picture or a source, from files with paths.

import { readdirSync, rmSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { readAlignResult } from '../experiments/align/result.ts';
import { captionModel, classifierModel, commandLineFolder, wordModel } from './fixtures/commandLine.ts';

vi.mock(import('../runtime/backends/nodeBackend.ts'), async (original) => {
  const { createNodeBackend } = await original();
  return { createNodeBackend: () => createNodeBackend(1) };
});

const { path, complained, run, written } = commandLineFolder({
  ...{ kind: 'align', version: 1, intervention: { type: 'LowRankRotated', rank: 1 } },
  training: { batchSize: 2, epochs: 2 },
});
const result = () => readAlignResult(JSON.parse(written('result.json')));

test('a classifier’s classes are labels, without a tokenizer, and its pictures are read by their paths', async () => {
  const model = await classifierModel(path('vit'));
  const wide = { prompt: '', image: { file: 'wide.png' } };
  const grey = { prompt: '', image: { file: 'grey.png' } };
  const data = [
    { base: wide, source: grey, label: 'tabby cat', baseLabel: 2 },
    { base: grey, source: wide, label: 'dog' },
  ];
  const site = { component: 'block_output', layer: 'all', position: [0, 3] };
  expect(await run({ model, site, data, testData: data })).toBe(0);
  expect(complained()).toEqual([]);
  const { sites, majority, experiment } = result();
  expect(sites.map((own) => own?.end)).toEqual(Array.from({ length: 4 }, () => 'all-steps'));
  expect(majority.label).toBe('tabby cat');
  expect(experiment.data).toMatchObject([
    { source: { image: { name: 'grey.png', data: expect.any(String) } } },
    {},
  ]);
});

test('a caption is aligned in the picture and in the words', async () => {
  const model = captionModel(path('blip'), 29);
  const wide = (prompt: string) => ({ prompt, image: { file: 'wide.png' } });
  const grey = (prompt: string) => ({ prompt, image: { file: 'grey.png' } });
  const data = [
    { base: wide('w5 w9'), source: grey('w5'), label: 'w7', baseLabel: 'w8' },
    { base: grey('w5'), source: wide('w5 w9'), label: 'w8 w7' },
  ];
  const sites = [
    { component: 'vision.block_output', layer: 'all', position: [0, 'last'] },
    { component: 'mlp_output', layer: [1], position: 'last' },
  ];
  for (const site of sites) {
    expect(await run({ model, site, data, testData: data })).toBe(0);
    const { experiment, sites: trained, layers, factual } = result();
    expect(trained.map((own) => own?.end)).toEqual(
      layers.flatMap(() => [site.position].flat()).map(() => 'all-steps'),
    );
    expect(Array.isArray(experiment.data) && experiment.data[0]?.base).toMatchObject({
      prompt: 'w5 w9',
      image: { name: 'wide.png', data: expect.any(String), sha256: expect.any(String) },
    });
    expect(factual?.of).toBe(1);
    rmSync(path('out'), { recursive: true });
  }
  expect(complained()).toEqual([]);
});

test('a source is aligned where the encoder reads it, with what its decoder has written', async () => {
  const of = (prompt: string) => ({ prompt, target: 'w3 w4' });
  const data = [
    { base: of('w5 w9 w7'), source: of('w5 w11'), label: 'w8' },
    { base: of('w5 w11'), source: 'w5 w9 w7', label: 'w6 w7' },
  ];
  const site = { component: 'encoder.block_output', layer: [0, 2], position: 'last' };
  expect(await run({ model: wordModel(path('t5'), 't5-gated', 29), site, data, testData: data })).toBe(0);
  expect(result().layers).toEqual([0, 2]);
  expect(result().sites.map((own) => own?.steps.loss.length)).toEqual([2, 2]);
  expect(readdirSync(path('out', 'trained', 'layer-0-position-last'))).toContain('config.json');
  expect(complained()).toEqual([]);
});
