// Texts of tokens, by texts written out by hand.

import { expect, test } from 'vitest';
import { writtenText, writtenTokens } from './writtenTokens.ts';

const named = (...texts: readonly string[]) => texts.map((text) => ({ text }));

test('tokens of whole words are quoted with the spaces between them and as they were typed', () => {
  const tokens = named('[CLS]', 'a', 'house', 'by', 'the', 'sea', 'side', '?', '[SEP]');
  const text = 'A House by the seaside?';
  expect(writtenTokens(tokens, [1, 3], text)).toBe('A House');
  expect(writtenTokens(tokens, [4, 7], text)).toBe('the seaside');
  expect(writtenText(tokens, text)).toBe(text);
});

test('tokens that hold their own spaces are quoted as they stand in the text', () => {
  expect(writtenTokens(named('The', ' Eiff', 'el', ' Tower'), [1, 4], 'The Eiffel Tower')).toBe(
    'Eiffel Tower',
  );
});

test('tokens that the text does not have are put together', () => {
  // An accent that the tokenizer takes away; a special token; ids in place of a text.
  expect(writtenTokens(named('a', 'cafe', 'here'), [1, 3], 'a café here')).toBe('cafehere');
  expect(writtenTokens(named('<s>', ' a'), [0, 2], 'a')).toBe('<s> a');
  expect(writtenTokens(named('#30522', 'a', 'house'), [0, 3], 'a house')).toBe('#30522 a house');
  expect(writtenTokens(named('a', ' b'), [0, 2], [1, 2])).toBe('a b');
  expect(writtenText(named('a', ' b'), [1, 2])).toBe('a b');
});

test('a letter whose small form is longer does not shift the words behind it', () => {
  expect(writtenTokens(named('i̇', 'x', 'y'), [1, 3], 'İ x y')).toBe('xy');
});
