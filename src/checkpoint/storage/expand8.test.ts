// 8-bit floats and float64 against PyTorch (expected/make_float8.py).
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { decoded } from '../expected/smallFiles.ts';
import { expand } from './expand.ts';
import { isStorageDtype } from './storage.ts';

const schema = v.object({
  patterns: v.record(v.string(), v.string()),
  doubles: v.object({ bytes: v.string(), values: v.string() }),
});
const expected = v.parse(
  schema,
  JSON.parse(readFileSync(new URL('../expected/float8.expected.json', import.meta.url), 'utf8')),
);
const floats = (base64: string): readonly number[] => [...new Float32Array(decoded(base64).buffer)];
const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);

test.each(Object.entries(expected.patterns))('every value of %s is PyTorch’s', (dtype, values) => {
  if (!isStorageDtype(dtype)) throw new Error(`${dtype} is not a storage dtype`);
  expect([...expand(dtype, every, 256)]).toEqual(floats(values));
});

test('float64 is rounded to float32 as PyTorch rounds it', () => {
  const { bytes, values } = expected.doubles;
  const wanted = floats(values);
  const found = expand('F64', decoded(bytes), wanted.length);
  expect([...found].every((value, at) => Object.is(value, wanted[at]))).toBe(true);
});
