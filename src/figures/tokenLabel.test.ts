import { expect, test } from 'vitest';
import { awkwardTokens } from './exampleFigures.ts';
import { textWidth, wrapText } from './lettering.ts';
import { spokenToken, tokenLabel, visibleToken } from './tokenLabel.ts';

test('every character of a token is visible', () => {
  expect(awkwardTokens.map(({ text }) => visibleToken(text))).toEqual([
    '<b>',
    '·&',
    `·"'`,
    '·👩🏽‍🚀',
    '·שלום',
    '↵',
    '\\u0000',
    '\ufffd',
    '·internationalisation',
  ]);
  expect(visibleToken('')).toBe('∅');
  expect(visibleToken('\u200d')).toBe('\\u200d');
});

test('a label is cut by characters, starred when corrupted, and isolated when it runs from right to left', () => {
  expect(tokenLabel(' internationalisation', true, 8)).toBe('·intern…*');
  expect(tokenLabel('👩🏽‍🚀👩🏽‍🚀👩🏽‍🚀', false, 2)).toBe('👩🏽‍🚀…');
  expect(tokenLabel(' שלום', true, 16)).toBe('\u2068·שלום\u2069*');
});

test('a token is spoken without its spaces, or by the name of what it is', () => {
  expect([' le', '\n\n', ' ', '\t', '', ' a b'].map(spokenToken)).toEqual([
    'le',
    'line break',
    'space',
    'tab',
    'empty token',
    'a b',
  ]);
});

test('text wraps at spaces, and a word longer than a line is broken', () => {
  const lines = wrapText('a caption of several words and oneVeryLongWordThatDoesNotFit', 100, 10);
  expect(lines.join(' ').replaceAll(' ', '')).toBe('acaptionofseveralwordsandoneVeryLongWordThatDoesNotFit');
  expect(lines.every((line) => textWidth(line, 10) <= 100)).toBe(true);
  expect(lines[0]).toBe('a caption of');
});
