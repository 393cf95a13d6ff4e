// Traces of models that read a picture or a source, from the command line and from files.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { expectedModel } from '../experiments/fixtures/maskedModel.ts';
import { readTraceResult } from '../experiments/trace/result.ts';
import { captionModel, commandLineFolder, pictureOf, wordModel } from './fixtures/commandLine.ts';
import { main } from './main.ts';

vi.mock(import('../runtime/backends/nodeBackend.ts'), async (original) => {
  const { createNodeBackend } = await original();
  return { createNodeBackend: () => createNodeBackend(1) };
});

const { path, complained } = commandLineFolder();
let blip = '';
beforeEach(() => {
  blip = captionModel(path('blip'), 40);
});

const picture = pictureOf('wide');
const out = () => path('out');
const resultIn = (folder: string) =>
  readTraceResult(JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')));
const usual = ['--samples', '2', '--seed', '3', '--level', '1.5'];
const streams = ['--streams', 'vision.block_output,block_output', '--window', '1'];

test('a trace of a picture is drawn over it, and its file runs to the same numbers', async () => {
  const command = ['trace', blip, 'w5 w9', '--image', picture, '--patches', '0,0,1,2'];
  expect(await main([...command, '--parts', '2', ...usual, ...streams, '--out', out()])).toBe(0);
  const result = resultIn(out());
  const [vision, words] = result.streams;
  expect([vision?.cells.length, words?.cells.length]).toEqual([3 * 5, 2 * 3]);
  expect(result.input?.columns.map(({ text }) => text)).toEqual([
    'class',
    'row 1, column 1',
    'row 1, column 2',
    'row 2, column 1',
    'row 2, column 2',
  ]);
  // The picture once, and for each of three layers its place, a veil and four squares.
  const drawn = readFileSync(join(out(), 'picture.svg'), 'utf8');
  expect(drawn.match(/<image /g)).toHaveLength(1);
  expect(drawn.match(/<use /g)).toHaveLength(3);
  expect(drawn.match(/fill-opacity=/g)).toHaveLength(3 * (1 + 4));
  expect(drawn).toContain(`base64,${readFileSync(picture).toString('base64')}`);
  const lines = readFileSync(join(out(), 'cells.csv'), 'utf8').trim().split('\n');
  expect(lines).toHaveLength(1 + 2 + 15 + 6);

  const file = path('trace.json');
  writeFileSync(file, JSON.stringify({ ...result.experiment, image: { file: 'wide.png' } }));
  expect(await main(['run', file, '--out', path('again')])).toBe(0);
  expect(resultIn(path('again'))).toEqual(result);
  expect(complained()).toEqual([]);
});

test('the words beside a picture are found by their text, behind the token that the decoder begins with', async () => {
  const command = ['trace', blip, 'w5 w9 w7', '--image', picture, '--subject', 'w9'];
  expect(await main([...command, '--parts', '1', ...usual, ...streams, '--out', out()])).toBe(0);
  const { tokens, subject, streams: found } = resultIn(out());
  expect(tokens.map(({ id }) => id)).toEqual([2, 5, 9, 7]);
  expect(subject).toEqual([2, 3]);
  // What an encoder that does not read the words has is the same in both runs.
  const { corrupted } = resultIn(out());
  expect(found[0]?.cells.every((cell) => JSON.stringify(cell) === JSON.stringify(corrupted))).toBe(true);
});

test('a part of another picture stands in the place of patches, and its file runs to the same numbers', async () => {
  const other = pictureOf('grey');
  const command = ['trace', blip, 'w5 w9', '--image', picture, '--patches', '0,0,1,2', '--other', other];
  expect(await main([...command, '--parts', '2', ...streams, '--out', out()])).toBe(0);
  const result = resultIn(out());
  expect(result.samples).toBe(1);
  const [cell] = result.streams[1]?.cells.slice(-1) ?? [];
  // The words' last state at the last layer is all that the prediction is made of.
  expect(cell?.answerLogit[0]).toBeCloseTo(result.clean.answerLogit[0] ?? Number.NaN, 4);
  expect(result.clean.answerLogit).not.toEqual(result.corrupted.answerLogit);
  const file = path('trace.json');
  const corruption = { kind: 'exchange', with: { file: 'grey.png' } };
  writeFileSync(file, JSON.stringify({ ...result.experiment, corruption }));
  expect(await main(['run', file, '--out', path('again')])).toBe(0);
  expect(resultIn(path('again'))).toEqual(result);
});

test('other words may stand in a subject of the source of a T5', async () => {
  const t5 = wordModel(path('t5'), 't5-gated', 40);
  const command = ['trace', t5, 'w5 w9 w7 w8', '--subject', 'w9 w7', '--target', 'w3 w4'];
  const more = ['--replacement', 'w11 w12', '--streams', 'encoder.block_output,block_output'];
  expect(await main([...command, ...more, '--out', out()])).toBe(0);
  const result = resultIn(out());
  expect(result.tokens.map(({ id }) => id)).toEqual([0, 3, 4]);
  expect(result.input).toMatchObject({ kind: 'text', corrupted: [1, 2] });
  // With all of the source's states as they were, the last layer's position gives what the clean run gives.
  const [source] = result.streams;
  expect(source?.cells).toHaveLength(3 * 4);
  expect(result.clean.answerLogit).not.toEqual(result.corrupted.answerLogit);
});

test.each<[string, () => readonly string[], RegExp]>([
  [
    'a picture model without a picture',
    () => ['trace', blip, 'w5', '--subject', 'w5'],
    /This blip model reads a picture, and the experiment has none\. Give it as "image"/,
  ],
  [
    'a picture for a model of text',
    () => ['trace', expectedModel('gpt2-inner'), '--ids', '5,6', '--subject', '0:1', '--image', picture],
    /This gpt2 model reads no picture\. Leave out 'image'/,
  ],
  [
    'a target without a second stack',
    () => ['trace', expectedModel('gpt2-inner'), '--ids', '5,6', '--subject', '0:1', '--target', '5'],
    /This gpt2 model has one stack, and so no target/,
  ],
  [
    'patches that are not there',
    () => ['trace', blip, 'w5', '--image', picture, '--patches', '0,0,3,1'],
    /The patches \[0, 0, 3, 1\] reach past the picture, which has 2 across and 2 down/,
  ],
  [
    'seconds of a picture',
    () => ['trace', blip, 'w5', '--image', picture, '--seconds', '0:1'],
    /The subject is given by 'seconds', and this model reads no sound/,
  ],
  [
    'other tokens in the place of patches',
    () => ['trace', blip, 'w5', '--image', picture, '--patches', '0,0,1,1', '--replacement', 'w3'],
    /A picture or a sound has no tokens that could be replaced/,
  ],
  [
    'another picture in the place of words',
    () => ['trace', blip, 'w5 w6', '--image', picture, '--subject', 'w5', '--other', picture],
    /puts a part of another picture or sound in the subject's place, and the subject is words/,
  ],
  [
    'the same picture in its own place',
    () => ['trace', blip, 'w5', '--image', picture, '--patches', '0,0,1,1', '--other', picture],
    /is the same in that place, so nothing would be corrupted/,
  ],
  [
    'parts of a text',
    () => ['trace', expectedModel('gpt2-inner'), '--ids', '5,6', '--subject', '0:1', '--parts', '2'],
    /A text is taken token by token\. Leave out 'parts'/,
  ],
  [
    'a file that is no picture',
    () => ['trace', blip, 'w5', '--image', join(blip, 'config.json'), '--patches', '0,0,1,1'],
    /'config\.json' is neither a PNG nor a JPEG picture/,
  ],
  [
    'a component of the last layer alone',
    () => [
      'trace',
      blip,
      'w5',
      '--image',
      picture,
      '--subject',
      'w5',
      '--streams',
      'vision.final_norm_output',
    ],
    /'vision\.final_norm_output' exists in layers 2 alone/,
  ],
])('%s is refused', async (_, command, sentence) => {
  expect(await main([...command()])).not.toBe(0);
  expect(complained().join('\n')).toMatch(sentence);
});
