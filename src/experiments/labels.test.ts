// Classes by their labels and their numbers, as a file and as a field of text give them.

import { expect, test } from 'vitest';
import { labelNamed } from './labels.ts';

const what = 'the answer';
const named = (name: string | number, labels: readonly string[]) => labelNamed(name, what, labels);

test('a class is named by its label, by its number, and by its number as text', () => {
  const labels = ['cat', 'dog', 'owl'];
  const owl = { id: 2, text: 'owl' };
  expect([named('owl', labels), named(2, labels), named('2', labels)]).toEqual([owl, owl, owl]);
  expect(() => named('3', labels)).toThrow("The model has no class '3', the answer. Its classes are 0 to 2.");
  expect(() => named('cot', labels)).toThrow("The model has no class 'cot', the answer.");
});

test('a label that two classes share is refused, and the number that is asked for tells them apart as text too', () => {
  const labels = ['crane', 'dog', 'crane'];
  expect(() => named('crane', labels)).toThrow(
    "2 classes are called 'crane', the answer. Give its number: 0 or 2.",
  );
  expect(named('2', labels)).toEqual({ id: 2, text: 'crane' });
});

test('where classes are called by digits a text of digits is a name', () => {
  const labels = ['7', '1', '0'];
  expect([named('7', labels).id, named('0', labels).id, named(0, labels).id]).toEqual([0, 2, 0]);
  expect(() => named('2', labels)).toThrow("The model has no class '2', the answer.");
  expect(() => named('1', ['1', '1'])).toThrow("2 classes are called '1'");
});
