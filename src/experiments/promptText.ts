// Text in a prompt: which tokens hold it, and which characters some tokens hold. Subjects, marks and answers are looked for
// here, by the page and the command line alike, in the text that a person wrote: never in the text of a special token,
// which may spell anything (`<|begin_of_text|>` has "gin" in it).

import type { TextRange, Tokenizer } from '../checkpoint/checkpoint.ts';
import { quoted } from '../messages/wording.ts';
import { ExperimentError } from './experimentFile.ts';

/** First token, and the one after the last. */
export type TokenRange = readonly [number, number];

/** A prompt as a person wrote it, and where its tokens stand. */
export interface PlacedPrompt {
  readonly text: string;
  /** [tokens] in UTF-16 units of the text; null for special tokens. */
  readonly places: readonly (TextRange | null)[];
}

/**
 * A prompt with its places.
 * @param prompt text, or token ids: then the text is that of its ordinary tokens
 */
export function placedPrompt(prompt: string | readonly number[], tokenizer: Tokenizer): PlacedPrompt {
  if (typeof prompt === 'string') return { text: prompt, places: tokenizer.places(prompt) };
  let text = '';
  const places: (TextRange | null)[] = [];
  for (let at = 0; at < prompt.length; ) {
    const end = prompt.findIndex((id, index) => index >= at && tokenizer.isSpecial(id));
    const run = prompt.slice(at, end < 0 ? prompt.length : end);
    const begin = text.length;
    text += tokenizer.decode(run);
    places.push(...decodedPlaces(run, tokenizer).map(([from, to]): TextRange => [begin + from, begin + to]));
    at += run.length;
    if (at < prompt.length) {
      places.push(null);
      at += 1;
    }
  }
  return { text, places };
}

/** Where each token's text stands in the text of all. Tokens that hold parts of one character share that character. */
function decodedPlaces(run: readonly number[], tokenizer: Tokenizer): readonly TextRange[] {
  const ends = run.map(
    (_, index) => tokenizer.decode(run.slice(0, index + 1)).replace(/\uFFFD+$/, '').length,
  );
  return ends.map((_, index): TextRange => {
    const from = ends[index - 1] ?? 0;
    return [from, ends.find((end, later) => later >= index && end > from) ?? from];
  });
}

/** A token of the page: what it shows, and its place where it is known. */
export interface ShownToken {
  readonly text: string;
  readonly isSpecial: boolean;
  readonly place?: TextRange | null;
}

/**
 * The prompt that tokens were made of.
 * @param text as it was written; without it, or where a token does not know its place, the texts of the ordinary tokens
 */
export function promptOfTokens(tokens: readonly ShownToken[], text?: string): PlacedPrompt {
  const places = tokens.map(({ place }) => place);
  if (text !== undefined && places.every((place) => place !== undefined)) return { text, places };
  let joined = '';
  const shown = tokens.map(({ text: own, isSpecial }): TextRange | null => {
    if (isSpecial) return null;
    const from = joined.length;
    joined += own;
    return [from, joined.length];
  });
  return { text: joined, places: shown };
}

/**
 * The tokens that hold some characters of a prompt, those included that hold them in part.
 * @returns undefined when a character other than white space belongs to a special token, or to none
 */
export function tokensAt([from, to]: TextRange, { text, places }: PlacedPrompt): TokenRange | undefined {
  const holds = (place: TextRange | null | undefined): boolean =>
    place !== null && place !== undefined && place[0] < to && place[1] > from;
  const first = places.findIndex(holds);
  const last = places.findLastIndex(holds);
  if (first < 0) return undefined;
  const held = places.slice(first, last + 1);
  if (held.includes(null)) return undefined;
  for (let unit = from; unit < to; unit++) {
    const isHeld = held.some((place) => place !== null && place[0] <= unit && unit < place[1]);
    if (!isHeld && /\S/.test(text[unit] ?? '')) return undefined;
  }
  return [first, last + 1];
}

/**
 * The last token that holds a part of the text before a character.
 * @param end in UTF-16 units, from 1 on
 * @throws ExperimentError when no ordinary token does
 */
export function tokenEndingAt(end: number, { text, places }: PlacedPrompt): number {
  const position = places.findLastIndex((place) => place !== null && place[0] < end);
  if (position >= 0) return position;
  throw new ExperimentError(`${quoted(text.slice(0, end))} has no token of its own in ${quoted(text)}.`);
}

/** The characters that a range of tokens holds; undefined when it holds none. */
export function charactersOf([from, to]: TokenRange, { places }: PlacedPrompt): TextRange | undefined {
  const held = places.slice(from, to).filter((place) => place !== null);
  const first = held[0];
  const last = held.at(-1);
  return first && last && first[0] < last[1] ? [first[0], last[1]] : undefined;
}

/** The text that a range of tokens holds, without white space at its ends. */
export function textOfRange(range: TokenRange, prompt: PlacedPrompt): string {
  const characters = charactersOf(range, prompt);
  return characters ? prompt.text.slice(...characters).trim() : '';
}

/** The tokens of each occurrence of a text, and where it begins. */
function* occurrences(
  wanted: string,
  prompt: PlacedPrompt,
): Generator<{ readonly at: number; readonly range: TokenRange }> {
  if (wanted === '') return;
  for (let at = prompt.text.indexOf(wanted); at >= 0; at = prompt.text.indexOf(wanted, at + 1)) {
    const range = tokensAt([at, at + wanted.length], prompt);
    if (range) yield { at, range };
  }
}

/**
 * The tokens that hold a text's first occurrence in what a person wrote.
 * @param wanted exactly as it stands there, its spaces included
 * @returns undefined when it does not occur
 */
export function rangeOfText(wanted: string, prompt: PlacedPrompt): TokenRange | undefined {
  for (const { range } of occurrences(wanted, prompt)) return range;
  return undefined;
}

/**
 * The same text in another prompt, or under another tokenizer: the occurrence nearest to where it was.
 * @returns undefined when it is gone
 */
export function followedRange(
  range: TokenRange,
  before: PlacedPrompt,
  after: PlacedPrompt,
): TokenRange | undefined {
  const [from] = charactersOf(range, before) ?? [];
  if (from === undefined) {
    // Special tokens that were marked by hand have no text; they stay where the other prompt has such tokens too.
    const there = after.places.slice(...range);
    return there.length === range[1] - range[0] && there.every((place) => place === null) ? range : undefined;
  }
  const wanted = textOfRange(range, before);
  const found = [...occurrences(wanted, after)];
  const distance = (at: number): number => Math.abs(at - from);
  found.sort((a, b) => distance(a.at) - distance(b.at));
  return found[0]?.range;
}
