import { expect, test } from 'vitest';
import { numberIn, numbersIn, positionsIn, rangesText, wholeNumbersIn } from './numberFields.ts';

test('whole numbers and ranges are read as a person writes them', () => {
  expect(wholeNumbersIn('3-6, 9')).toEqual([3, 4, 5, 6, 9]);
  expect(wholeNumbersIn('9 3 3 – 4')).toEqual([3, 4, 9]);
  expect(wholeNumbersIn('')).toEqual([]);
  for (const wrong of ['3-', 'x', '-1', '6-3', '0-99999999999']) expect(wholeNumbersIn(wrong)).toBeNull();
  expect(rangesText([3, 4, 5, 6, 9])).toBe('3-6, 9');
});

test('decimals and signs are read with either sign and either point; half a number is none', () => {
  expect(numberIn('-0,5')).toBe(-0.5);
  expect(numberIn('1e6')).toBe(1e6);
  for (const half of ['', '-', '1.2.3', 'NaN', 'Infinity', '1e']) expect(numberIn(half)).toBeNaN();
  expect(numbersIn('\u22121, 0.5 2')).toEqual([-1, 0.5, 2]);
  expect(numbersIn('1, x')).toBeNull();
  expect(positionsIn('-1, 3')).toEqual([-1, 3]);
  expect(positionsIn('1.5')).toBeNull();
});
