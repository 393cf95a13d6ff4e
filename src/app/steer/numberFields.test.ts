import { expect, test } from 'vitest';
import {
  numberIn,
  numbersIn,
  positionsIn,
  rangesText,
  unclearNumber,
  wholeNumbersIn,
} from './numberFields.ts';

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
  for (const half of ['', '-', '1.2.3', 'NaN', 'Infinity', '1e', '1e400']) expect(numberIn(half)).toBeNaN();
  expect(numbersIn('\u22121, 0.5 2')).toEqual([-1, 0.5, 2]);
  expect(numbersIn('1, x')).toBeNull();
  expect(positionsIn('-1, 3')).toEqual([-1, 3]);
  expect(positionsIn('1.5')).toBeNull();
});

test('a comma is a decimal one between semicolons, parts numbers before a space, and is refused where it may be either', () => {
  expect(numbersIn('0,5; 1')).toEqual([0.5, 1]);
  expect(numbersIn('-1;-0,25 ; 1.5')).toEqual([-1, -0.25, 1.5]);
  expect(numbersIn('-1,-0.5,0.5,1')).toEqual([-1, -0.5, 0.5, 1]);
  expect(numbersIn('0, 5')).toEqual([0, 5]);
  expect(numbersIn('-1,\u22122, 3,')).toEqual([-1, -2, 3]);
  for (const [text, piece] of [
    ['0,5', '0,5'],
    ['1, 2,5', '2,5'],
    ['-1,5 2', '-1,5'],
  ] as const) {
    expect(unclearNumber(text)).toBe(piece);
    expect(numbersIn(text)).toBeNull();
  }
  expect(numbersIn('1; 2, 3')).toEqual([1, 2, 3]);
});

test('a thousand with a comma is not taken for one', () => {
  for (const text of ['1,000', '-12,345', '1,000,000']) expect(numberIn(text)).toBeNaN();
  expect(numberIn('0,125')).toBe(0.125);
  expect(numberIn('1,5')).toBe(1.5);
});
