import { expect, test } from 'vitest';
import { movedPassage, passageOf, tokensOfPassage } from './passage.ts';

/** Tokens as the engine gives them: with their places; special ones have none. */
function tokensOf(text: string, ...texts: readonly string[]) {
  let at = 0;
  return texts.map((own) => {
    if (/^<\|.*\|>$/.test(own)) return { text: own, isSpecial: true, place: null };
    const from = at;
    at += own.length;
    expect(text.slice(from, at)).toBe(own);
    return { text: own, isSpecial: false, place: [from, at] as const };
  });
}

test('a passage is the same characters under another tokenizer', () => {
  const text = 'The Eiffel Tower is in';
  const one = tokensOf(text, 'The', ' Eiffel', ' Tower', ' is', ' in');
  const other = tokensOf(text, 'Th', 'e', ' E', 'iff', 'el', ' Tow', 'er', ' is', ' in');
  const passage = passageOf(text, one, [1, 3]);
  expect(passage).toEqual({ text: 'Eiffel Tower', near: 4 });
  expect(passage && tokensOfPassage(text, other, passage)).toEqual([2, 7]);
});

test('a text is looked for in what a person wrote alone, with its spaces', () => {
  const text = 'Other than the gin';
  const tokens = tokensOf(text, '<|begin|>', 'Other', ' than', ' the', ' gin');
  expect(tokensOfPassage(text, tokens, { text: ' the', near: 0 })).toEqual([3, 4]);
  expect(tokensOfPassage(text, tokens, { text: 'the', near: 0 })).toEqual([1, 2]);
  expect(tokensOfPassage(text, tokens, { text: 'gin', near: 0 })).toEqual([4, 5]);
  expect(tokensOfPassage(text, tokens, { text: 'begin', near: 0 })).toBeNull();
});

test('of several occurrences the nearest is meant, also after an edit in front of it', () => {
  const text = 'the cat and the cat';
  const tokens = tokensOf(text, 'the', ' cat', ' and', ' the', ' cat');
  expect(tokensOfPassage(text, tokens, { text: 'cat', near: 16 })).toEqual([4, 5]);
  expect(movedPassage({ text: 'cat', near: 16 }, text, `a cat, ${text}`).near).toBe(23);
  expect(movedPassage({ text: 'cat', near: 4 }, text, `${text} sat`).near).toBe(4);
});

test('what is no whole characters, or no character at all, is no passage', () => {
  const text = '🗼 is';
  const tokens = [
    { text: '<|begin|>', isSpecial: true, place: null },
    { text: '\ufffd', isSpecial: false, place: [0, 2] as const },
    { text: '\ufffd', isSpecial: false, place: [0, 2] as const },
    { text: ' is', isSpecial: false, place: [2, 5] as const },
  ];
  expect(passageOf(text, tokens, [0, 1])).toBeNull();
  expect(passageOf(text, tokens, [1, 2])).toBeNull();
  expect(passageOf(text, tokens, [1, 3])).toEqual({ text: '🗼', near: 0 });
});
