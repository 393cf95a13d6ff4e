// Pictures and sounds that an experiment's file names by path become a part of the experiment before anything runs, so that
// its result says what it was computed of.

import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { type GivenFile, givenBytes } from '../experiments/givenFile.ts';
import { quoted, reasonOf } from '../messages/wording.ts';
import { UsageError } from './arguments.ts';

/** @throws UsageError when it cannot be read; ExperimentError when it is too large */
export async function givenAt(path: string): Promise<GivenFile> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(readFileSync(path));
  } catch (error) {
    throw new UsageError(`${quoted(path)} cannot be read: ${reasonOf(error)}.`);
  }
  return givenBytes(basename(path), bytes);
}

/**
 * @param value  an experiment as its file has it, not yet read by a schema
 * @param folder that its paths begin in
 */
export async function withGivenFiles(value: unknown, folder: string): Promise<unknown> {
  if (typeof value !== 'object' || value === null) return value;
  const own = await withFiles(value, folder);
  if ('corruption' in value) return { ...own, corruption: await withFiles(value.corruption, folder) };
  const all = (list: readonly unknown[]) => Promise.all(list.map((each) => withFiles(each, folder)));
  if ('pairs' in value && Array.isArray(value.pairs)) return { ...own, pairs: await all(value.pairs) };
  if ('base' in value) {
    const sources = 'sources' in value && Array.isArray(value.sources) ? await all(value.sources) : undefined;
    return { ...own, base: await withFiles(value.base, folder), ...(sources ? { sources } : {}) };
  }
  const listed = await Promise.all(
    ['data', 'testData'].map(async (side) => {
      const examples: unknown = Reflect.get(value, side);
      if (!Array.isArray(examples)) return [];
      return [[side, await Promise.all(examples.map((each: unknown) => withExampleFiles(each, folder)))]];
    }),
  );
  if (listed.flat().length > 0) return { ...own, ...Object.fromEntries(listed.flat()) };
  if ('vectors' in value && Array.isArray(value.vectors)) {
    const vectors = await Promise.all(
      value.vectors.map((vector: unknown) => withVectorFiles(vector, folder)),
    );
    const prompts = 'prompts' in value && Array.isArray(value.prompts) ? await all(value.prompts) : undefined;
    return { ...own, vectors, ...(prompts ? { prompts } : {}) };
  }
  return own;
}

/** An example that something is trained with, each of whose prompts may have a picture. */
async function withExampleFiles(example: unknown, folder: string): Promise<unknown> {
  if (typeof example !== 'object' || example === null) return example;
  const read = async ([field, given]: [string, unknown]) => {
    const all = Array.isArray(given)
      ? await Promise.all(given.map((each: unknown) => withFiles(each, folder)))
      : await withFiles(given, folder);
    return [field, all] as const;
  };
  return Object.fromEntries(await Promise.all(Object.entries(example).map(read)));
}

/** A vector of a steering, whose texts may have pictures. */
async function withVectorFiles(vector: unknown, folder: string): Promise<unknown> {
  const from: unknown =
    typeof vector === 'object' && vector !== null ? Reflect.get(vector, 'from') : undefined;
  if (typeof vector !== 'object' || typeof from !== 'object' || from === null) return vector;
  const sides = await Promise.all(
    ['positive', 'negative'].map(async (side) => {
      const texts: unknown = Reflect.get(from, side);
      if (!Array.isArray(texts)) return [];
      return [[side, await Promise.all(texts.map((text: unknown) => withFiles(text, folder)))] as const];
    }),
  );
  return { ...vector, from: { ...from, ...Object.fromEntries(sides.flat()) } };
}

/** What holds a picture or a sound, in an experiment, its corruption, a prompt or a pair of prompts. */
const places = ['image', 'sound', 'with', 'corruptedImage', 'corruptedSound'];

async function withFiles<T>(value: T, folder: string): Promise<T> {
  if (typeof value !== 'object' || value === null) return value;
  const named = Object.entries(value).flatMap(([key, given]: [string, unknown]) =>
    places.includes(key) &&
    typeof given === 'object' &&
    given !== null &&
    'file' in given &&
    typeof given.file === 'string'
      ? [{ key, path: resolve(folder, given.file) }]
      : [],
  );
  const read = await Promise.all(named.map(async ({ key, path }) => [key, await givenAt(path)] as const));
  return { ...value, ...Object.fromEntries(read) };
}
