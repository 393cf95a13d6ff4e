// Tokens as a reader sees and hears them. A space is part of a token, and two tokens may differ in nothing else, so it is
// shown; what cannot be printed is written as its code.

import { graphemesOf } from './lettering.ts';

const shown: Readonly<Record<string, string>> = {
  ' ': '·',
  '\n': '↵',
  '\r': '␍',
  '\r\n': '␍↵',
  '\t': '⇥',
  '\u00a0': '⍽',
};

const isRightToLeft = (text: string): boolean =>
  /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}]/u.test(text);

/** A token on one line with every character visible: ` the` is `·the`, a line feed is `↵`. */
export function visibleToken(text: string): string {
  if (text === '') return '∅';
  return graphemesOf(text.toWellFormed())
    .map((grapheme) => shown[grapheme] ?? (isInvisible(grapheme) ? codes(grapheme) : grapheme))
    .join('');
}

// Judged by grapheme: a joiner alone is invisible, the one inside an emoji is part of it.
const isInvisible = (grapheme: string): boolean =>
  /^[\p{Cc}\p{Zl}\p{Zp}\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+$|^\p{Variation_Selector}+$/u.test(
    grapheme,
  );

const codes = (grapheme: string): string =>
  Array.from(grapheme, (c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`).join('');

/**
 * A visible token for an axis: cut to `limit` characters and, if corrupted, starred. A right-to-left token is isolated,
 * or the star would change sides.
 */
export function tokenLabel(text: string, isCorrupted: boolean, limit: number): string {
  const parts = graphemesOf(visibleToken(text));
  const cut = parts.length > limit ? `${parts.slice(0, limit - 1).join('')}…` : parts.join('');
  const isolated = isRightToLeft(cut) ? `\u2068${cut}\u2069` : cut;
  return isolated + (isCorrupted ? '*' : '');
}

/** A token in a sentence: without its spaces, or by name where nothing else is left. */
export function spokenToken(text: string): string {
  const word = text.toWellFormed().trim();
  if (word) return visibleToken(word).replaceAll('·', ' ');
  if (text.includes('\n')) return 'line break';
  if (text.includes('\t')) return 'tab';
  return text ? 'space' : 'empty token';
}
