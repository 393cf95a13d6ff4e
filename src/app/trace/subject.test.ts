import { expect, test } from 'vitest';
import { rangeBetween } from '../prompt/passage.ts';
import { guessSubject, rangeText } from './subject.ts';

const tokensOf = (...texts: readonly string[]) => texts.map((text) => ({ text, isSpecial: false }));
const guessed = (...texts: readonly string[]): string | null => {
  const tokens = tokensOf(...texts);
  const range = guessSubject(tokens);
  return range && rangeText(tokens, range);
};

test('the subject is guessed as the longest run of capitalised words, parts of words included', () => {
  expect(guessed('The', ' E', 'iffel', ' Tower', ' is', ' in', ' the', ' city', ' of')).toBe(' Eiffel Tower');
  expect(guessed('When', ' Mary', ' and', ' John', ' Smith', ' went', ' to')).toBe(' John Smith');
  expect(guessed('Jean', '-', 'Paul', ' wrote', ' in')).toBe('Jean-Paul');
});

test('without names it is what stands before the last verb of being, without its article', () => {
  expect(guessed('The', ' capital', ' of', ' spain', ' is')).toBe(' capital of spain');
  expect(guessed('the', ' old', ' tower', ' was', ' in', ' the')).toBe(' old tower');
});

test('without either it is the longest word; the last token is left out where it can be', () => {
  expect(guessed('we', ' saw', ' horses', ' run')).toBe(' horses');
  expect(guessed('horses')).toBe('horses');
  expect(guessed('🗼', '.')).toBeNull();
});

test('where tokens hold no spaces, words are told apart by the places of their tokens', () => {
  const text = 'the old lighthouse was by the sea';
  let end = 0;
  const tokens = ['the', 'old', 'light', 'house', 'was', 'by', 'the', 'sea'].map((piece) => {
    const from = text.indexOf(piece, end);
    end = from + piece.length;
    return { text: piece, isSpecial: false, place: [from, end] as const };
  });
  const begin = { text: '#30522', isSpecial: false, place: null };
  const range = guessSubject([begin, ...tokens]);
  expect(range).toEqual([2, 5]);
  expect(rangeText([begin, ...tokens], [2, 5], text)).toBe('old lighthouse');
});

test('special tokens are never part of it', () => {
  expect(guessSubject([{ text: '<s>', isSpecial: true }, ...tokensOf('Paris', ' is')])).toEqual([1, 2]);
});

test('a range holds both of its ends, whichever came first', () => {
  expect(rangeBetween(4, 2)).toEqual([2, 5]);
});
