// Where each token stands in the text that it was made of. The library does not say; a token's spelling does, as long as the
// text was not changed on the way to it. Where a normaliser changed it (case, accents, composed characters), letters are
// compared without what normalisers change; a token that cannot be found at all (an unknown one) gets what its
// neighbours leave.

import type { TextRange } from '../checkpoint.ts';

/** A text as bytes, and the character that each byte belongs to. */
interface ByteText {
  readonly bytes: Uint8Array;
  /** [bytes + 1]: where the character of a byte begins, in UTF-16 units. */
  readonly starts: readonly number[];
  /** [bytes + 1]: where the character that a byte belongs to ends. */
  readonly ends: readonly number[];
  /** [units + 1]: the first byte of the character that begins at a UTF-16 unit. */
  readonly byteAt: readonly number[];
}

function byteText(text: string): ByteText {
  const starts: number[] = [];
  const ends: number[] = [];
  const bytes: number[] = [];
  const byteAt: number[] = [];
  let at = 0;
  for (const character of text) {
    byteAt[at] = bytes.length;
    // Half of a character is written as the replacement sign, here as in the tokenizer.
    for (const byte of new TextEncoder().encode(character)) {
      bytes.push(byte);
      starts.push(at);
      ends.push(at + character.length);
    }
    at += character.length;
  }
  byteAt[at] = bytes.length;
  return { bytes: Uint8Array.from(bytes), starts: [...starts, at], ends: [...ends, at], byteAt };
}

const space = 0x20;

function startsAt(bytes: Uint8Array, at: number, part: Uint8Array): boolean {
  return at + part.length <= bytes.length && part.every((byte, index) => bytes[at + index] === byte);
}

/** Letters without what a normaliser may change of them: case, accents, compositions, kinds of white space. */
const folded = (text: string): string =>
  text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/\s/gu, ' ');

/** A text folded, and the characters that each unit of it comes from. */
interface FoldedText {
  readonly letters: string;
  /** [letters] in UTF-16 units of the text; an accent belongs to the letter before it. */
  readonly from: readonly TextRange[];
  /** [units + 1]: the letter that a unit of the text folds to, or the next one after it. */
  readonly letterAt: readonly number[];
}

function foldedText(text: string): FoldedText {
  const from: TextRange[] = [];
  const letterAt: number[] = [];
  let letters = '';
  let at = 0;
  for (const character of text) {
    for (let unit = 0; unit < character.length; unit++) letterAt[at + unit] = letters.length;
    const letter = folded(character);
    const end = at + character.length;
    const last = from.at(-1);
    if (letter === '' && last) from[from.length - 1] = [last[0], end];
    for (let unit = 0; unit < letter.length; unit++) from.push([at, end]);
    letters += letter;
    at = end;
  }
  letterAt[at] = letters.length;
  return { letters, from, letterAt };
}

const spacesFrom = (text: string, at: number): number => /^\s*/u.exec(text.slice(at))?.[0].length ?? 0;

/** How many spellings from `from` on make whole characters together. */
function wholeCharacters(spellings: readonly (Uint8Array | null)[], from: number): string | undefined {
  const bytes: number[] = [];
  for (const spelling of spellings.slice(from, from + mostTokensOfCharacter)) {
    if (!spelling) return undefined;
    bytes.push(...spelling);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes));
    } catch {
      // The character goes on in the next token.
    }
  }
  return undefined;
}

const mostTokensOfCharacter = 8;

/**
 * The place of each token of a stretch of text.
 *
 * @param spellings [tokens] the bytes that each token stands for, null for one that stands for no known text
 * @returns [tokens] ranges in UTF-16 units of `text`; tokens that hold parts of one character share that character, and a
 *          space that the tokenizer has put in front is an empty range
 */
export function placesIn(text: string, spellings: readonly (Uint8Array | null)[]): readonly TextRange[] {
  const { bytes, starts, ends, byteAt } = byteText(text);
  const places: (TextRange | undefined)[] = spellings.map(() => undefined);
  let fold: FoldedText | undefined;
  let at = 0;
  let letter = 0;
  let isLost = false;

  /** The bytes of a token, here or behind white space that has no token. */
  const exactly = (spelling: Uint8Array): readonly [number, number] | undefined => {
    const unit = starts[at] ?? text.length;
    for (const from of [at, byteAt[unit + spacesFrom(text, unit)] ?? at]) {
      if (spelling.length > 0 && startsAt(bytes, from, spelling)) return [from, from + spelling.length];
      // A space that the tokenizer put in front of the text.
      const rest = spelling.subarray(1);
      if (spelling[0] === space && startsAt(bytes, from, rest)) return [from, from + rest.length];
    }
    return undefined;
  };
  /** The letters of some tokens in the folded text: here, or, after an unknown token, where they come next. */
  const nearly = (characters: string, { letters }: FoldedText): readonly [number, number] | undefined => {
    const wanted = folded(characters).trim();
    if (wanted === '') return undefined;
    const here = letter + spacesFrom(letters, letter);
    const found = isLost ? nextOf(wanted, letters, letter) : letters.startsWith(wanted, here) ? here : -1;
    return found < 0 ? undefined : [found, found + wanted.length];
  };

  for (const [index, spelling] of spellings.entries()) {
    if (places[index] !== undefined) continue;
    const range = spelling && !isLost ? exactly(spelling) : undefined;
    if (range) {
      const [from, to] = range;
      const start = starts[from] ?? text.length;
      places[index] = [start, to > from ? (ends[to - 1] ?? start) : start];
      at = to;
      if (fold) letter = fold.letterAt[starts[at] ?? text.length] ?? letter;
      isLost = false;
      continue;
    }
    const characters = wholeCharacters(spellings, index);
    if (fold === undefined) {
      fold = foldedText(text);
      letter = fold.letterAt[starts[at] ?? text.length] ?? 0;
    }
    const near = characters === undefined ? undefined : nearly(characters, fold);
    if (near === undefined) {
      isLost = true;
      continue;
    }
    for (const [next, [from, to]] of lettersOf(characters ?? '', spellings, index).entries()) {
      const first = near[0] + from;
      // The space before a word belongs to the word where the token has one.
      const hasSpace = next === 0 && first > letter && /^\s/u.test(characters ?? '');
      const start = fold.from[hasSpace ? first - 1 : first]?.[0] ?? text.length;
      places[index + next] = [start, to > from ? (fold.from[near[0] + to - 1]?.[1] ?? start) : start];
    }
    letter = near[1];
    // A character may go on in the next token: `\uFB01` is an f and an i.
    at = byteAt[fold.from[letter]?.[0] ?? text.length] ?? bytes.length;
    isLost = false;
  }
  return filled(places, text);
}

/** Where letters come next, at the beginning of a word if they do so anywhere; -1 when they do not come. */
function nextOf(wanted: string, letters: string, from: number): number {
  const isInside = (at: number): boolean => /[\p{L}\p{N}]/u.test(letters[at - 1] ?? '');
  let at = letters.indexOf(wanted, from);
  while (at > from && isInside(at)) at = letters.indexOf(wanted, at + 1);
  return at < 0 ? letters.indexOf(wanted, from) : at;
}

/** [tokens] the folded letters of the tokens that make `characters` together, from the first letter on. */
function lettersOf(
  characters: string,
  spellings: readonly (Uint8Array | null)[],
  index: number,
): readonly TextRange[] {
  const { starts, ends } = byteText(characters);
  const upTo = (unit: number): number => folded(characters.slice(0, unit)).trimStart().length;
  const all: TextRange[] = [];
  for (let done = 0; done < starts.length - 1; ) {
    const length = spellings[index + all.length]?.length ?? starts.length;
    all.push([upTo(starts[done] ?? 0), upTo(ends[done + length - 1] ?? characters.length)]);
    done += length;
  }
  return all;
}

/** Tokens whose text is not known get the words that lie between their neighbours. */
function filled(places: readonly (TextRange | undefined)[], text: string): readonly TextRange[] {
  const all: TextRange[] = [];
  for (const [index, place] of places.entries()) {
    if (all[index]) continue;
    if (place) {
      all.push(place);
      continue;
    }
    const next = places.findIndex((other, later) => later > index && other !== undefined);
    const count = (next < 0 ? places.length : next) - index;
    const from = all.at(-1)?.[1] ?? 0;
    const to = Math.max(from, places[next]?.[0] ?? text.length);
    all.push(...wordsIn(text, from, to, count));
  }
  return all;
}

/** `count` words of a part of a text, each with its place; the whole part for each when it has another number of words. */
function wordsIn(text: string, from: number, to: number, count: number): readonly TextRange[] {
  const part = text.slice(from, to);
  const words = [...part.matchAll(/\p{Script=Han}|[\p{L}\p{M}\p{N}]+|[^\s\p{Cc}]/gu)];
  if (words.length === count) {
    return words.map(({ index, 0: word }) => [from + index, from + index + word.length]);
  }
  const start = from + (part.length - part.trimStart().length);
  const end = from + part.trimEnd().length;
  return Array.from({ length: count }, () => (start < end ? [start, end] : [from, to]));
}
