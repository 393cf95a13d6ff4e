// What is typed of numbers beside a cable.
import { expect, test } from 'vitest';
import { readPartition } from './CableFields.tsx';
import { numbersIn, vectorOrigins, vectorProblem } from './VectorForm.tsx';

test('numbers and partitions are read as people write them', () => {
  expect(numbersIn('[1, -2.5e-1\n.5]')).toEqual([1, -0.25, 0.5]);
  expect(vectorProblem([1, 2], 3)).toBe('There are 2 numbers; this socket takes 3.');
  expect(readPartition('0-64, 64 - 128')).toEqual([
    [0, 64],
    [64, 128],
  ]);
  expect(readPartition('0-64, 64')).toBeNull();
});

test('a vector of prompts or of a word is offered where a model reads lines of text alone', () => {
  const titles = (reads: Parameters<typeof vectorOrigins>[0]) =>
    vectorOrigins(reads).map(({ title }) => title);
  const given = ['Numbers', 'From a file, or an alignment'];
  expect(titles(null)).toEqual(['Mean over prompts', 'Embedding of a word', ...given]);
  expect(titles({ kind: 'text' })).toEqual(given);
  expect(titles({ kind: 'image', isAlone: true })).toEqual(given);
});
