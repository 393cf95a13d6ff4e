// How wide text is, without a page to measure it on. A layout made in Node must equal the one made in a tab, so widths
// are estimated, a little generously, from the proportions of common interface fonts; nothing may depend on them to the
// pixel.

import type { FontFamily } from './theme.ts';

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Characters as a reader counts them: an emoji with its modifiers is one. */
export const graphemesOf = (text: string): string[] =>
  // Printable ASCII needs no segmenter, which takes microseconds a character.
  /^[ -~]*$/.test(text) ? text.split('') : Array.from(graphemes.segment(text), ({ segment }) => segment);

/** Full-width scripts and pictures take two columns of a monospaced line. */
const isWide = (grapheme: string): boolean =>
  /\p{Extended_Pictographic}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/u.test(
    grapheme,
  ) && !/^[\d©®™]$/.test(grapheme);

function emWidth(grapheme: string, family: FontFamily): number {
  if (/^[\u2066-\u2069]$/.test(grapheme)) return 0;
  if (isWide(grapheme)) return 1.24;
  if (family === 'mono') return 0.61;
  if (/^[iljtfrI.,:;'’|()[\] ·!-]$/.test(grapheme)) return 0.36;
  if (/^[mwMW%—…]$/.test(grapheme)) return 0.92;
  if (/^[A-Z&@]$/.test(grapheme)) return 0.7;
  return 0.61;
}

/** Estimated width of a line of text, in pixels. */
export function textWidth(text: string, size: number, family: FontFamily = 'sans'): number {
  return graphemesOf(text).reduce((sum, grapheme) => sum + emWidth(grapheme, family), 0) * size;
}

/** The first characters of a text that has more than `limit`, the last of them an ellipsis. */
export function cutText(text: string, limit: number): string {
  const parts = graphemesOf(text);
  return parts.length > limit ? `${parts.slice(0, limit - 1).join('')}…` : text;
}

/** Break text into lines no wider than `width`; a word longer than a line is broken too. */
export function wrapText(text: string, width: number, size: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  const push = (): void => {
    if (line) lines.push(line);
    line = '';
  };
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = line ? `${line} ${word}` : word;
    if (textWidth(longer, size) <= width) {
      line = longer;
      continue;
    }
    push();
    for (const grapheme of graphemesOf(word)) {
      if (textWidth(line + grapheme, size) > width) push();
      line += grapheme;
    }
  }
  push();
  return lines;
}
