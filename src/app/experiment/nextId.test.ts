import { expect, test } from 'vitest';
import { nextId } from './nextId.ts';

test('an id is above all that are there, of however many, and begins at 1', () => {
  expect(nextId([])).toBe(1);
  expect(nextId([{ id: 3 }, { id: 1 }])).toBe(4);
  // More than a function takes as its arguments.
  expect(nextId(Array.from({ length: 500_000 }, (_, id) => ({ id })))).toBe(500_000);
});
