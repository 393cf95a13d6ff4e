// What is typed of numbers beside a cable.
import { expect, test } from 'vitest';
import { readPartition } from './CableFields.tsx';
import { numbersIn, vectorProblem } from './VectorForm.tsx';

test('numbers and partitions are read as people write them', () => {
  expect(numbersIn('[1, -2.5e-1\n.5]')).toEqual([1, -0.25, 0.5]);
  expect(vectorProblem([1, 2], 3)).toBe('There are 2 numbers; this socket takes 3.');
  expect(readPartition('0-64, 64 - 128')).toEqual([
    [0, 64],
    [64, 128],
  ]);
  expect(readPartition('0-64, 64')).toBeNull();
});
