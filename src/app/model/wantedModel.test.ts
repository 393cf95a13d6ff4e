import { expect, test } from 'vitest';
import { isNamed, modelName } from './wantedModel.ts';

test('a model of the Hub is the one an experiment names at the same revision, main where none is named', () => {
  expect(modelName({ model: 'owner/name' })).toBe('owner/name@main');
  expect(modelName({ model: 'owner/name', revision: 'v1' })).toBe('owner/name@v1');
  expect(modelName({ model: 'tiny-atlas' })).toBe('tiny-atlas');
  expect(isNamed('owner/name@main', { model: 'owner/name' })).toBe(true);
  expect(isNamed('owner/name@main', { model: 'owner/name', revision: 'v1' })).toBe(false);
  expect(isNamed('owner/name@v1', { model: 'owner/name', revision: 'v1' })).toBe(true);
  expect(isNamed('tiny-atlas', { model: 'tiny-atlas' })).toBe(true);
});
