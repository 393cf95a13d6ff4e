import { expect, test } from 'vitest';
import { coarseToFine, windowAround } from './layers.ts';

test("a window covers the layers that ROME's does", () => {
  // [max(0, l - w // 2), min(48, l - (-w // 2))] in Python, for l, w in the list.
  const expected = [
    [0, 10, 0, 5],
    [3, 10, 0, 8],
    [24, 10, 19, 29],
    [47, 10, 42, 48],
    [5, 1, 5, 6],
    [5, 3, 4, 7],
    [20, 200, 0, 48],
  ] as const;
  for (const [layer, width, from, to] of expected)
    expect(windowAround(layer, width, 48)).toMatchObject({ from, to });
  expect([4, 5, 43, 44].map((layer) => windowAround(layer, 10, 48).isCut)).toEqual([
    true,
    false,
    false,
    true,
  ]);
});

test('layers come from coarse to fine, each once', () => {
  expect(coarseToFine(12)).toEqual([0, 4, 8, 2, 6, 10, 1, 3, 5, 7, 9, 11]);
  for (const count of [1, 2, 3, 5, 30, 48])
    expect([...coarseToFine(count)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: count }, (_, i) => i),
    );
});
