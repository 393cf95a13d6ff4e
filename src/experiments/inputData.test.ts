// What is read of pictures, and what of it is kept: by what the files hold, as far as there is room.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeArchitecture } from '../architectures/registry.ts';
import { readExampleInputs } from './exampleInputs.ts';
import { type GivenFile, givenBytes } from './givenFile.ts';
import { readInput } from './inputData.ts';
import { KeptInputs } from './keptInputs.ts';
import { readPairInputs } from './patch/pairInputs.ts';

const vit = describeArchitecture(
  { model_type: 'vit', num_hidden_layers: 1, image_size: 8, patch_size: 4, id2label: { 0: 'cat', 1: 'dog' } },
  new Set(),
);

const preprocessor = async () => ({ size: 8, resample: 3 });

const given = (name: string): Promise<GivenFile> =>
  givenBytes(
    `${name}.png`,
    Uint8Array.from(readFileSync(new URL(`../media/expected/${name}.png`, import.meta.url))),
  );

/** As every message between page and engine makes it: another object of the same file. */
const read = async (image: GivenFile) =>
  readInput(vit, { prompt: '', image: structuredClone(image) }, preprocessor);

test('a picture is read once, however many others a sweep has beside it', async () => {
  const images = await Promise.all(['wide', 'grey', 'indexed', 'transparent'].map(given));
  const first = await Promise.all(images.map(read));
  expect(new Set(first.map((input) => input?.data)).size).toBe(images.length);
  for (const [index, image] of images.entries()) expect(await read(image)).toBe(first[index]);
});

test('pictures that state the same name and hash, and are others, are read by their own bytes', async () => {
  const [wide, grey] = await Promise.all(['wide', 'grey'].map(given));
  if (!wide || !grey || !('data' in grey)) throw new Error('The pictures have no bytes.');
  const posed = { ...wide, data: grey.data };
  expect((await read(posed))?.data).toEqual((await read(grey))?.data);
  expect((await read(posed))?.data).not.toEqual((await read(wide))?.data);
});

test('examples that show the same bytes share their numbers by whatever names, and no others do, whatever hash is stated', async () => {
  const [wide, grey] = await Promise.all(['wide', 'grey'].map(given));
  if (!wide || !grey || !('data' in grey)) throw new Error('The pictures have no bytes.');
  const copy = { ...structuredClone(wide), name: 'copy.png', sha256: '0'.repeat(64) };
  const posed = { ...wide, data: grey.data };
  const prompts = [wide, copy, posed, grey].map((image) => ({ prompt: '', image }));
  const placed = prompts.map((prompt, at) => ({ given: prompt, where: `data.${at}` }));
  const inputs = await readExampleInputs(vit, placed, { preprocessor }, async () => {});
  const [first, second, third, fourth] = prompts.map((prompt) => inputs(prompt)?.data);
  expect(first).toBeDefined();
  expect(second).toBe(first);
  expect(third).not.toBe(first);
  expect(fourth).toBe(third);
});

test('pairs that name one picture share its numbers, in each place that it stands', async () => {
  const [wide, grey] = await Promise.all(['wide', 'grey'].map(given));
  const pair = () => ({ clean: '', image: structuredClone(wide), corruptedImage: structuredClone(grey) });
  const [one, other] = await readPairInputs(vit, [pair(), pair()], preprocessor);
  expect(one?.clean).toBe(other?.clean);
  expect(one?.corrupted).toBe(other?.corrupted);
  expect(one?.clean).not.toBe(one?.corrupted);
});

test('what is over the room goes, what was used longest ago first, and the latest stays however large it is', async () => {
  const reads: string[] = [];
  const kept = new KeptInputs<number>(10, (bytes) => bytes);
  const get = (name: string, bytes: number) =>
    kept.get({ name }, '', async () => {
      reads.push(name);
      return bytes;
    });
  await get('a', 4);
  await get('b', 4);
  await get('a', 4);
  await get('c', 4);
  await get('a', 4);
  await get('b', 4);
  await get('d', 40);
  await get('d', 40);
  expect(reads).toEqual(['a', 'b', 'c', 'b', 'd']);
});

test('calls at one time for one file come to the same numbers', async () => {
  const kept = new KeptInputs<object>(10, () => 1);
  const get = () => kept.get({ name: 'a' }, '', async () => ({}));
  const [one, other] = await Promise.all([get(), get()]);
  expect(one).toBe(other);
});
