// Suggestions for misspelt names.
import { expect, test } from 'vitest';
import { didYouMean, editDistance, nearestNames } from './nearest.ts';

const components = [
  'block_input',
  'block_output',
  'mlp_input',
  'mlp_activation',
  'mlp_output',
  'query_output',
];

test.each([
  ['kitten', 'sitting', 3],
  ['', 'abc', 3],
  ['same', 'same', 0],
] as const)('%j is %j after %i edits', (a, b, edits) => {
  expect(editDistance(a, b)).toBe(edits);
});

test('a misspelt name finds the right one first', () => {
  expect(nearestNames('mlp_ouput', components)[0]).toBe('mlp_output');
});

test('a part of a name finds the names that contain it', () => {
  expect(nearestNames('mlp', components, 9)).toEqual(['mlp_input', 'mlp_output', 'mlp_activation']);
});

test('a name like no other finds nothing', () => {
  expect(nearestNames('zzzzzzzzzz', components)).toEqual([]);
  expect(didYouMean('zzzzzzzzzz', components)).toBe('');
});

test('suggestions become a question', () => {
  expect(didYouMean('query_outptu', components)).toBe("Did you mean 'query_output'?");
});
