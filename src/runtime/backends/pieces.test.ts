import { expect, test } from 'vitest';
import type { DeviceTensor } from './backend.ts';
import { joinedPieces, uncovered } from './pieces.ts';

const tensor = (): DeviceTensor => ({ dtype: 'float32', shape: [100] });

test('pieces that follow each other in the same tensor and in the copy are one', () => {
  const [a, b] = [tensor(), tensor()];
  const pieces = [
    { from: a, start: 10, count: 5, at: 0 },
    { from: a, start: 15, count: 5, at: 5 },
    { from: a, start: 20, count: 0, at: 10 },
    { from: a, start: 20, count: 4, at: 10 },
    // The same tensor, but not its next element.
    { from: a, start: 30, count: 4, at: 14 },
    // The next element, but not the next place.
    { from: a, start: 34, count: 4, at: 20 },
    // The next element and place, of another tensor.
    { from: b, start: 38, count: 4, at: 24 },
  ];
  expect(joinedPieces(pieces)).toEqual([
    { from: a, start: 10, count: 14, at: 0 },
    { from: a, start: 30, count: 4, at: 14 },
    { from: a, start: 34, count: 4, at: 20 },
    { from: b, start: 38, count: 4, at: 24 },
  ]);
  expect(joinedPieces([])).toEqual([]);
});

test('what no piece covers is named, before, between and behind them, whatever their order', () => {
  const pieces = [
    { at: 12, count: 3 },
    { at: 2, count: 4 },
    { at: 5, count: 2 },
  ];
  expect(uncovered(pieces, 20)).toEqual([
    { at: 0, count: 2 },
    { at: 7, count: 5 },
    { at: 15, count: 5 },
  ]);
  expect(uncovered([{ at: 0, count: 8 }], 8)).toEqual([]);
  expect(uncovered([], 3)).toEqual([{ at: 0, count: 3 }]);
});
