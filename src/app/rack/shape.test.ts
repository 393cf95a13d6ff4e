import { expect, test } from 'vitest';
import { describeShape, formatShape, numbersEach, socketForm, spokenShape } from './shape.ts';

test('a shape is written with its dimensions, and heads are named where there is room', () => {
  expect(formatShape(['position', 576])).toBe('position × 576');
  expect(formatShape(['position', 9, 64])).toBe('position × 9 × 64');
  expect(describeShape(['position', 9, 64])).toBe('position × 9 heads × 64');
  expect(describeShape(['position', 1, 64])).toBe('position × 1 head × 64');
  expect(spokenShape(['position', 576])).toBe('position by 576');
});

test('the form of a socket tells vectors, heads and pairs of positions apart', () => {
  expect(socketForm(['position', 576])).toBe('vector');
  expect(socketForm(['position', 9, 64])).toBe('heads');
  expect(socketForm([9, 'position', 'position'])).toBe('pairs');
  expect(numbersEach(['position', 9, 64])).toBe(576);
  expect(numbersEach([9, 'position', 'position'])).toBe(9);
});
