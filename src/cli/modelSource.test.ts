// Models that read a picture, or a source beside their text, from the command line.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { writeWordTokenizer } from '../checkpoint/fixtures/wordTokenizer.ts';
import { openDiskFile } from '../checkpoint/sources/disk.ts';
import { committedRoot } from './conformance/expectedFolders.ts';
import { openReference } from './conformance/reference.ts';
import { main } from './main.ts';

vi.mock(import('../runtime/backends/nodeBackend.ts'), async (original) => {
  const { createNodeBackend } = await original();
  return { createNodeBackend: () => createNodeBackend(1) };
});

let printed: string[] = [];
let complained: string[] = [];
let folder = '';
beforeEach(() => {
  printed = [];
  complained = [];
  vi.spyOn(console, 'log').mockImplementation((text: string) => void printed.push(...text.split('\n')));
  vi.spyOn(console, 'error').mockImplementation((text: string) => void complained.push(text));
  folder = mkdtempSync(join(tmpdir(), 'patchbay-source-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const modelOf = (name: string) => join(committedRoot, name, 'model');
const picture = fileURLToPath(new URL('../media/expected/wide.png', import.meta.url));

async function referenceOf(name: string) {
  const path = join(committedRoot, name);
  const source = await openDiskFile(join(path, 'tensors.safetensors'));
  if (!source) throw new Error(`${name} has no tensors`);
  const reference = await openReference(name, readFileSync(join(path, 'cases.json'), 'utf8'), source);
  return { reference, close: () => source.close() };
}

test('a T5 given its source predicts the token that PyTorch writes first', async () => {
  const { reference, close } = await referenceOf('t5-gated');
  const { data, shape } = await reference.tensor('base');
  const ids = [...data.slice(0, shape[1])];
  const [, first] = (await reference.tensor('generate.greedy')).data;
  await close();
  expect(await main(['predict', modelOf('t5-gated'), '--ids', ids.join(','), '--count', '1'])).toBe(0);
  expect(printed[0]).toBe(`Source, ${ids.length} tokens: ${ids.map((id) => `#${id}`).join(' | ')}`);
  expect(printed.at(-1)?.trim().split(/\s+/).at(-1)).toBe(String(first));
});

test('a picture file is made into what the model reads, and another picture gives other logits', async () => {
  const model = join(folder, 'blip');
  cpSync(modelOf('blip-wide'), model, { recursive: true });
  writeFileSync(join(model, 'preprocessor_config.json'), JSON.stringify({ size: 12, resample: 3 }));
  const answer = async (file: string) => {
    expect(await main(['predict', model, '--image', file, '--ids', '5,9', '--count', '2'])).toBe(0);
    return printed.splice(0).at(-1);
  };
  const other = picture.replace('wide', 'dot');
  expect(await answer(picture)).not.toBe(await answer(other));
  expect(complained).toEqual([`Note: '${other}' has 1 × 1 pixels, which are stretched to 12 × 12.`]);
});

test('a question about a picture file is answered, and another picture or question is answered otherwise', async () => {
  const model = join(folder, 'answers');
  cpSync(modelOf('blip-answers'), model, { recursive: true });
  writeFileSync(join(model, 'preprocessor_config.json'), JSON.stringify({ size: 12, resample: 3 }));
  const answer = async (file: string, question: string) => {
    const words = ['predict', model, '--image', file, '--ids', question, '--count', '2'];
    expect(await main(words)).toBe(0);
    return printed.splice(0);
  };
  const own = await answer(picture, '5,9,4');
  expect(own[0]).toBe('Source, 3 tokens: #5 | #9 | #4');
  expect((await answer(picture.replace('wide', 'dot'), '5,9,4')).at(-1)).not.toBe(own.at(-1));
  expect((await answer(picture, '5,9,11')).at(-1)).not.toBe(own.at(-1));
  writeWordTokenizer(model, 29);
  const told: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => told.push(String(text)) > 0);
  expect(await main(['generate', model, 'w5 w9 w4', '--image', picture, '--tokens', '3'])).toBe(0);
  // Of the two that were listed the first is the most probable, and so the first of the answer.
  const first = own.at(-2)?.trim().split(/\s+/)[0];
  expect(first).toMatch(/^#\d+$/);
  expect(told.join('').trim().split(' ')[0]).toBe(first?.replace('#', 'w'));
});

test('beside ids a target is ids too, and moves the prediction', async () => {
  const answer = async (...words: readonly string[]) => {
    expect(await main(['predict', modelOf('t5-gated'), '--ids', '5,17,3', '--count', '2', ...words])).toBe(0);
    return printed.splice(0);
  };
  const alone = await answer();
  const beside = await answer('--target', '3,4');
  expect(beside).toContainEqual(expect.stringMatching(/^3 tokens: #\d+ \| #3 \| #4$/));
  expect(beside.at(-1)).not.toBe(alone.at(-1));
});

test('a prompt that is too long is refused before its tokens are listed', async () => {
  const ids = Array.from({ length: 600 }, () => 5).join(',');
  expect(await main(['predict', modelOf('gpt2-inner'), '--ids', ids])).toBe(1);
  expect(printed.splice(0)).toEqual([]);
  expect(complained.splice(0).at(-1)).toMatch(/The prompt has 600 tokens, but this model has \d+ positions/);
});

test.each<[string, readonly string[], RegExp]>([
  [
    'words for a target beside ids',
    ['predict', modelOf('t5-gated'), '--ids', '5', '--target', 'so'],
    /--target must be token ids such as 5,17,3; it is 'so'\./,
  ],
  [
    'a picture without its question',
    ['predict', modelOf('blip-answers'), '--image', picture],
    /A blip model answers a question about a picture: give the question as the text\./,
  ],
  [
    'a question without its picture',
    ['predict', modelOf('blip-answers'), '--ids', '5'],
    /A blip model reads a picture\. Give --image FILE\./,
  ],
  [
    'a picture model without a picture',
    ['predict', modelOf('blip-wide'), '--ids', '5'],
    /A blip model reads a picture\. Give --image FILE\./,
  ],
  [
    'a picture for a text model',
    ['predict', modelOf('gpt2-inner'), '--ids', '5', '--image', picture],
    /A gpt2 model reads no picture/,
  ],
  [
    'a target where there is one stack',
    ['predict', modelOf('gpt2-inner'), '--ids', '5', '--target', 'x'],
    /has one stack, and so no target/,
  ],
  [
    'a text for a classifier of pictures',
    ['predict', modelOf('vit-unbiased'), 'dog', '--image', picture],
    /A vit model reads a picture alone/,
  ],
  [
    'a picture without the preprocessor',
    ['predict', modelOf('blip-wide'), '--image', picture, '--ids', '5'],
    /brings no preprocessor_config\.json/,
  ],
  [
    'a file that is no picture',
    ['predict', modelOf('blip-wide'), '--image', join(modelOf('blip-wide'), 'config.json'), '--ids', '5'],
    /is neither a PNG nor a JPEG picture/,
  ],
  [
    'a sound',
    ['predict', modelOf('whisper-heads'), '--ids', '5'],
    /A whisper model hears a sound\. Give --sound FILE\./,
  ],
  [
    'a classifier that is to write',
    ['generate', modelOf('vit-unbiased'), '--image', picture],
    /tells classes and writes nothing/,
  ],
])('%s is refused in a sentence', async (_, words, sentence) => {
  expect(await main(words)).toBeGreaterThan(0);
  expect(complained.at(-1)).toMatch(sentence);
});

test.each(['--chat', '--system=brief'])('%s is refused for a model that reads a source', async (option) => {
  const model = join(folder, 't5');
  cpSync(modelOf('t5-gated'), model, { recursive: true });
  writeWordTokenizer(model, 29);
  expect(await main(['generate', model, 'w5 w9', option])).toBeGreaterThan(0);
  expect(complained.at(-1)).toMatch(/A t5 model reads no turns of a chat; leave out --(chat|system)\./);
});

test('components of an encoder-decoder count the layers of their own stack', async () => {
  expect(await main(['components', modelOf('t5-gated')])).toBe(0);
  const rows = printed.map((line) =>
    line
      .trim()
      .split(/\s{2,}/)
      .slice(0, 3),
  );
  expect(rows).toContainEqual(['encoder.block_output', '0-2', '[position, 16]']);
  expect(rows).toContainEqual(['block_output', '0-1', '[position, 16]']);
  expect(rows).toContainEqual(['cross_attention_weight', '0-1', '[3 heads, position, encoder’s position]']);
});
