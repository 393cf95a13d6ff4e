import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { knownModelTypes } from '../../architectures/registry.ts';
import { catalogue, catalogueSchema } from './catalogue.ts';

const file: unknown = JSON.parse(
  readFileSync(new URL('../../../models/catalogue.json', import.meta.url), 'utf8'),
);

test('the catalogue follows its schema, and every id and name stands there once', () => {
  expect(v.safeParse(catalogueSchema, file).issues).toBeUndefined();
  for (const key of ['repository', 'name'] as const) {
    expect(new Set(catalogue.map((model) => model[key])).size).toBe(catalogue.length);
  }
});

test('every model is of a family that can be loaded', () => {
  expect(catalogue.map(({ family }) => family).filter((family) => !knownModelTypes.includes(family))).toEqual(
    [],
  );
});

test('sizes are those of weights in two to four bytes for a parameter, masks aside', () => {
  const odd = catalogue.filter(({ sizeBytes, parameters }) => {
    const bytes = sizeBytes / parameters;
    return bytes < 1.9 || bytes > 4.5;
  });
  expect(odd.map(({ name }) => name)).toEqual([]);
});

test.each([
  ['a size that is not a number of bytes', { sizeBytes: '548 MB' }],
  ['an id without owner', { repository: 'gpt2' }],
  ['a field that nobody reads', { licens: 'MIT' }],
])('%s is refused', (_, change) => {
  const [first] = catalogue;
  expect(v.safeParse(catalogueSchema, { models: [{ ...first, ...change }] }).success).toBe(false);
});
