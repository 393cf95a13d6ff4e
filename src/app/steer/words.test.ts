import { expect, test } from 'vitest';
import { wordsIn, wordsText } from './words.ts';

test('a word gets the space that it has in a sentence, a quoted one stands as it is, and an id is an id', () => {
  expect(wordsIn('Paris, New York , "he", "a, \\"b\\"", #12')).toEqual([
    ' Paris',
    ' New York',
    'he',
    'a, "b"',
    12,
  ]);
  expect(wordsIn('')).toEqual([]);
  expect(wordsIn('"open')).toBeNull();
  expect(wordsIn('"a" b')).toBeNull();
});

test('what is written is read again', () => {
  const words = [' Paris', 'Paris', ' a,b', '  two', ' #1', '"', 7, ' ', '\n'];
  expect(wordsIn(wordsText(words))).toEqual(words);
});
