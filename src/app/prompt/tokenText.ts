// How a token's text is shown and spoken: spaces and line ends get a glyph, text that would be invisible gets its code
// point. The characters themselves stay in the text, so that copied chips give back the prompt.

/** A stretch of a token: plain text, or one character shown as `glyph`. */
export type TokenPiece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'sign'; readonly text: string; readonly glyph: string };

const glyphs: Readonly<Record<string, string>> = {
  ' ': '·',
  '\n': '↵',
  '\t': '→',
  '\r': '␍',
  '\u00a0': '⍽',
};

const spokenNames: Readonly<Record<string, string>> = {
  ' ': 'space',
  '\n': 'newline',
  '\t': 'tab',
  '\r': 'carriage return',
  '\u00a0': 'no-break space',
  '\ufffd': 'part of a character',
};

/** `U+200D` */
function codePoint(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** Controls and format characters have no shape of their own. */
const isInvisible = (character: string): boolean =>
  /^(?:\p{Cc}|\p{Cf}|\p{Variation_Selector})$/u.test(character);

export function tokenPieces(text: string): readonly TokenPiece[] {
  // A joiner inside an emoji or a word is part of its shape; alone it would be an empty chip.
  const showsNothing = [...text].every(isInvisible);
  const pieces: TokenPiece[] = [];
  let plain = '';
  const endPlain = () => {
    // A combining mark needs something to stand on.
    if (plain !== '') pieces.push({ kind: 'text', text: /^\p{M}/u.test(plain) ? `\u25cc${plain}` : plain });
    plain = '';
  };
  for (const character of text) {
    const glyph =
      glyphs[character] ?? (showsNothing || /\p{Cc}/u.test(character) ? codePoint(character) : null);
    if (glyph === null) plain += character;
    else {
      endPlain();
      pieces.push({ kind: 'sign', text: character, glyph });
    }
  }
  endPlain();
  return pieces;
}

/** A token in words, for names and announcements: `space Paris`, `newline`, `U+200D`. */
export function spokenToken(text: string): string {
  if (text === '') return 'empty';
  const words = tokenPieces(text).map((piece) => {
    if (piece.kind === 'sign') return spokenNames[piece.text] ?? piece.glyph;
    return piece.text.replaceAll('\ufffd', spokenNames['\ufffd'] ?? '');
  });
  return words.join(' ').trim();
}
