import { expect, test } from 'vitest';
import { digitsFor, formatValue } from './metric.ts';

test('decimals show three digits of how far numbers lie apart, as far as float32 has them', () => {
  expect(digitsFor([0, 10])).toBe(3);
  expect(digitsFor([0.2, 0.9])).toBe(3);
  expect(digitsFor([0, 3.6e-5])).toBe(7);
  // A cosine that changes by a hundred-thousandth.
  expect(digitsFor([1, 0.99998])).toBe(7);
  expect(digitsFor([1, 1 - 1e-12])).toBe(7);
  expect(digitsFor([0, Number.NaN, Number.POSITIVE_INFINITY])).toBe(3);
  expect(digitsFor([4e-4, 4e-4])).toBe(6);
});

test('a small number is not written as zero where there are decimals for it', () => {
  expect(formatValue(3.6e-5, 7)).toBe('0.0000360');
  expect(formatValue(-1.5e-11, 13)).toBe('−1.50e−11');
  expect(formatValue(0, 13)).toBe('0.00000000');
  expect(formatValue(-0.0004, 3)).toBe('0.000');
});
