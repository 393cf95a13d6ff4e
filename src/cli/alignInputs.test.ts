// Alignments of models that read a picture or a source, from files with paths.

import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type SmallTensor, safetensorsFile } from '../checkpoint/expected/smallFiles.ts';
import { writeWordTokenizer } from '../checkpoint/fixtures/wordTokenizer.ts';
import { readAlignResult } from '../experiments/align/result.ts';
import { tinyCheckpoint } from '../runtime/fixtures/tinyCheckpoint.ts';
import { committedRoot } from './conformance/expectedFolders.ts';
import { main } from './main.ts';

vi.mock(import('../runtime/backends/nodeBackend.ts'), async (original) => {
  const { createNodeBackend } = await original();
  return { createNodeBackend: () => createNodeBackend(1) };
});

let complained: string[] = [];
let folder = '';
beforeEach(() => {
  complained = [];
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  vi.spyOn(console, 'error').mockImplementation((text: string) => void complained.push(text));
  folder = mkdtempSync(join(tmpdir(), 'patchbay-align-'));
  for (const name of ['wide', 'grey'])
    cpSync(
      fileURLToPath(new URL(`../media/expected/${name}.png`, import.meta.url)),
      join(folder, `${name}.png`),
    );
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** A committed model with a tokenizer of words. */
function modelNamed(name: string): string {
  const path = join(folder, name);
  cpSync(join(committedRoot, name, 'model'), path, { recursive: true });
  writeWordTokenizer(path, 29);
  return path;
}

async function run(experiment: object): Promise<number> {
  const file = join(folder, 'align.json');
  const plain = { kind: 'align', version: 1, intervention: { type: 'LowRankRotated', rank: 1 } };
  writeFileSync(file, JSON.stringify({ ...plain, training: { batchSize: 2, epochs: 2 }, ...experiment }));
  return main(['run', file, '--out', join(folder, 'out')]);
}
const result = () => readAlignResult(JSON.parse(readFileSync(join(folder, 'out', 'result.json'), 'utf8')));

test('a classifier’s classes are labels, without a tokenizer, and its pictures are read by their paths', async () => {
  const model = join(folder, 'vit');
  const config = {
    ...{ model_type: 'vit', hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2 },
    ...{ intermediate_size: 20, image_size: 8, patch_size: 4 },
    id2label: { 0: 'tabby cat', 1: 'dog', 2: 'street' },
  };
  const { tensors, read } = tinyCheckpoint(config);
  const written: Record<string, SmallTensor> = {};
  for (const [name, { dtype, shape }] of tensors) written[name] = { dtype, shape, data: await read(name) };
  mkdirSync(model);
  writeFileSync(join(model, 'config.json'), JSON.stringify(config));
  writeFileSync(join(model, 'model.safetensors'), safetensorsFile(written));
  writeFileSync(join(model, 'preprocessor_config.json'), JSON.stringify({ size: 8, resample: 3 }));
  const wide = { prompt: '', image: { file: 'wide.png' } };
  const grey = { prompt: '', image: { file: 'grey.png' } };
  const data = [
    { base: wide, source: grey, label: 'tabby cat', baseLabel: 2 },
    { base: grey, source: wide, label: 'dog' },
  ];
  const site = { component: 'block_output', layer: 'all', position: [0, 3] };
  expect(await run({ model, site, data, testData: data })).toBe(0);
  expect(complained).toEqual([]);
  const { sites, majority, experiment } = result();
  expect(sites.map((own) => own?.end)).toEqual(Array.from({ length: 4 }, () => 'all-steps'));
  expect(majority.label).toBe('tabby cat');
  expect(experiment.data).toMatchObject([
    { source: { image: { name: 'grey.png', data: expect.any(String) } } },
    {},
  ]);
});

test('a caption is aligned in the picture and in the words', async () => {
  const model = modelNamed('blip-wide');
  writeFileSync(join(model, 'preprocessor_config.json'), JSON.stringify({ size: 12, resample: 3 }));
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
    rmSync(join(folder, 'out'), { recursive: true });
  }
  expect(complained).toEqual([]);
});

test('a source is aligned where the encoder reads it, with what its decoder has written', async () => {
  const of = (prompt: string) => ({ prompt, target: 'w3 w4' });
  const data = [
    { base: of('w5 w9 w7'), source: of('w5 w11'), label: 'w8' },
    { base: of('w5 w11'), source: 'w5 w9 w7', label: 'w6 w7' },
  ];
  const site = { component: 'encoder.block_output', layer: [0, 2], position: 'last' };
  expect(await run({ model: modelNamed('t5-gated'), site, data, testData: data })).toBe(0);
  expect(result().layers).toEqual([0, 2]);
  expect(result().sites.map((own) => own?.steps.loss.length)).toEqual([2, 2]);
  expect(readdirSync(join(folder, 'out', 'trained', 'layer-0-position-last'))).toContain('config.json');
  expect(complained).toEqual([]);
});
