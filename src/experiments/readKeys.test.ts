// Which runs are taken to read the same: what was computed of one is then shown for the other.

import { expect, test } from 'vitest';
import { readKey } from './readKeys.ts';

const tokens = (...ids: number[]) => ({ kind: 'tokens' as const, tokens: ids });
const input = (...numbers: number[]) => ({ kind: 'input' as const, data: Float32Array.from(numbers) });

test('runs of the same tokens and sources have one key, and any other token or place of one another', () => {
  const runs = [
    tokens(1, 23),
    tokens(12, 3),
    tokens(1, 2, 3),
    { ...tokens(1), source: tokens(23) },
    { ...tokens(1), source: { ...tokens(2), source: tokens(3) } },
    { ...tokens(1, 2), source: tokens(3) },
    tokens(),
    { ...tokens(), source: tokens() },
  ];
  expect(new Set(runs.map(readKey)).size).toBe(runs.length);
  expect(runs.map((run) => readKey(structuredClone(run)))).toEqual(runs.map(readKey));
});

test('pictures and sounds are the same by the very array, whatever its numbers', () => {
  const picture = input(1, 2);
  expect(readKey({ ...picture })).toBe(readKey(picture));
  expect(readKey(input(1, 2))).not.toBe(readKey(picture));
  const asked = (source: typeof picture) => readKey({ ...tokens(4, 5), source });
  expect(asked(picture)).toBe(asked({ ...picture }));
  expect(asked(picture)).not.toBe(asked(input(1, 2)));
  expect(() => readKey({ kind: 'fork', parent: 0, layer: 1, position: 2 })).toThrow('begins in another');
});
