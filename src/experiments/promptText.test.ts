// Texts in prompts, with the tokenizers that Python's results are known of (checkpoint/expected/make_tokenizers.py).
import { expect, test } from 'vitest';
import { expectedTokenizer } from '../checkpoint/expected/smallTokenizers.ts';
import {
  charactersOf,
  followedRange,
  placedPrompt,
  promptOfTokens,
  rangeOfText,
  textOfRange,
  tokensAt,
} from './promptText.ts';

const textsOf = async (name: string, prompt: string, wanted: string) => {
  const tokenizer = await expectedTokenizer(name);
  const range = rangeOfText(wanted, placedPrompt(prompt, tokenizer));
  const ids = tokenizer.encode(prompt);
  return range && ids.slice(...range).map((id) => tokenizer.tokenText(id));
};

test('a text is not found in a special token, whether the template or a person put it there', async () => {
  // The template begins with <|endoftext|>, which has "end", "of" and "text" in it.
  expect(await textsOf('split', 'the end of it', 'end')).toEqual(['e', 'n', 'd']);
  expect(await textsOf('split', 'the dog', 'text')).toBeUndefined();
  expect(await textsOf('split', 'a<|mark|> mark', 'mark')).toEqual(['m', 'ar', 'k']);
  expect(await textsOf('split', 'a<|mark|>b', 'a<')).toBeUndefined();
  expect(await textsOf('split', 'a<|mark|>b', 'a<|mark|>b')).toBeUndefined();
  expect(await textsOf('pieces', 'gin of s', 's')).toEqual([' s']);
});

test('a text is found exactly as it is written, its spaces included', async () => {
  expect(await textsOf('bytes', 'Other than the Tower', ' the')).toEqual([' the']);
  expect(await textsOf('bytes', 'Other than the Tower', 'the')).toEqual(['the']);
  expect(await textsOf('pieces', 'Other than the Tower', ' the')).toEqual([' the ']);
  expect(await textsOf('bytes', 'the dog', '')).toBeUndefined();
  expect(await textsOf('bytes', 'the dog', 'cat')).toBeUndefined();
});

test('an added token that is not special is text like other text', async () => {
  expect(await textsOf('bytes', 'the Paris the', 'Paris')).toEqual(['Paris']);
});

test('a text is found as it was written where the tokenizer changed it', async () => {
  expect(await textsOf('wordpiece', 'In the Eiffel Tower', 'Eiffel Tower')).toEqual(
    expect.arrayContaining(['tower']),
  );
  // Written as a letter and an accent, and joined by the normaliser.
  expect(await textsOf('split', 'the cafe\u0301 is', 'cafe\u0301')).toBeDefined();
});

test('parts of a character belong to the text that the character is in', async () => {
  const tokenizer = await expectedTokenizer('bytes');
  const prompt = placedPrompt('a 🙂 b', tokenizer);
  const range = rangeOfText('🙂', prompt);
  expect(
    range &&
      tokenizer
        .encode('a 🙂 b')
        .slice(...range)
        .map((id) => tokenizer.tokenText(id)),
  ).toEqual(['<0xF0>', '<0x9F>', '<0x99>', '<0x82>']);
});

test('of token ids the text is that of the ordinary tokens', async () => {
  const tokenizer = await expectedTokenizer('split');
  const ids = tokenizer.encode('the dog is in the house');
  const prompt = placedPrompt(ids, tokenizer);
  expect(prompt.text).toBe('the dog is in the house');
  expect(prompt.places[0]).toBeNull();
  expect(rangeOfText('dog', prompt)).toEqual(rangeOfText('dog', placedPrompt(prompt.text, tokenizer)));
  expect(rangeOfText('text', prompt)).toBeUndefined();
});

test('tokens that only show their texts give the same ranges', async () => {
  const tokenizer = await expectedTokenizer('split');
  const shown = tokenizer
    .encode('the dog is in the house')
    .map((id) => ({ text: tokenizer.tokenText(id), isSpecial: tokenizer.isSpecial(id) }));
  const prompt = promptOfTokens(shown);
  expect(rangeOfText('dog', prompt)).toEqual(
    rangeOfText('dog', placedPrompt('the dog is in the house', tokenizer)),
  );
  expect(rangeOfText('text', prompt)).toBeUndefined();
});

test('a range is followed by its characters into another tokenizer and another prompt', async () => {
  const [before, after] = [await expectedTokenizer('bytes'), await expectedTokenizer('pieces')];
  const text = 'the Eiffel Tower is in the town of the Eiffel Tower';
  const here = placedPrompt(text, before);
  const first = rangeOfText('Eiffel Tower', here);
  if (!first) throw new Error('no such text');
  const there = placedPrompt(text, after);
  const followed = followedRange(first, here, there);
  expect(followed && textOfRange(followed, there)).toBe('Eiffel Tower');
  expect(followed && charactersOf(followed, there)?.[1]).toBe(16);
  // The last of two stays the last of two.
  const last = tokensAt([39, 51], here);
  const lastThere = last && followedRange(last, here, there);
  expect(lastThere && charactersOf(lastThere, there)?.[1]).toBe(text.length);
  expect(followedRange(first, here, placedPrompt('the dog', after))).toBeUndefined();
});

test('a special token that was marked stays marked where there is one', async () => {
  const tokenizer = await expectedTokenizer('split');
  const [before, after] = ['the dog', 'the house'].map((text) => placedPrompt(text, tokenizer));
  if (!before || !after) throw new Error('no prompts');
  expect(followedRange([0, 1], before, after)).toEqual([0, 1]);
  const plain = placedPrompt('the house', await expectedTokenizer('bytes'));
  expect(followedRange([0, 1], before, plain)).toBeUndefined();
});
