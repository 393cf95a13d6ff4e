import { expect, test } from 'vitest';
import { spokenToken, tokenPieces } from './tokenText.ts';

const shown = (text: string): string =>
  tokenPieces(text)
    .map((piece) => (piece.kind === 'sign' ? piece.glyph : piece.text))
    .join('');

test('spaces, line ends and tabs are visible', () => {
  expect(shown(' Paris')).toBe('·Paris');
  expect(shown('\n\n')).toBe('↵↵');
  expect(shown('\tif  x')).toBe('→if··x');
});

test('text that would show nothing shows its code point', () => {
  expect(shown('\u200d')).toBe('U+200D');
  expect(shown('\ufe0f')).toBe('U+FE0F');
  expect(shown('a\u0000')).toBe('aU+0000');
});

test('emoji keep their joiners, and a lone combining mark stands on a circle', () => {
  expect(shown('👩\u200d🚀')).toBe('👩\u200d🚀');
  expect(shown('\u0301')).toBe('\u25cc\u0301');
});

test('a token is spoken in words', () => {
  expect(spokenToken(' Paris')).toBe('space Paris');
  expect(spokenToken('\n')).toBe('newline');
  expect(spokenToken('\ufffd')).toBe('part of a character');
  expect(spokenToken('')).toBe('empty');
});
