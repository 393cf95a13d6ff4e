import { expect, test } from 'vitest';
import { firstInView, pageHolding } from './pageOfRows.ts';

test('rows are shown by eights, and the page of a row begins at a multiple of eight', () => {
  expect([0, 7, 8, 15, 49_999].map((at) => pageHolding(at))).toEqual([0, 0, 8, 8, 49_992]);
  expect([11, 12].map((at) => pageHolding(at, 12))).toEqual([0, 12]);
});

test('where the rows that were in view have gone, the last page that there is takes their place', () => {
  expect(firstInView(8, 9)).toBe(8);
  expect(firstInView(8, 8)).toBe(0);
  expect(firstInView(80, 17)).toBe(16);
  expect(firstInView(16, 16)).toBe(8);
  expect(firstInView(8, 0)).toBe(0);
});
