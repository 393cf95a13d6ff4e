// The subject of a trace as a range of token positions: a guess to begin with, and how keys and pointers change it.

import type { TokenRange } from '../../experiments/promptText.ts';
import { writtenTokens } from '../../experiments/writtenTokens.ts';
import type { TokenInfo } from '../../worker/protocol.ts';

type Tokens = readonly Pick<TokenInfo, 'text' | 'isSpecial' | 'place'>[];

/** Words that begin with a capital because a sentence does, or that stand for someone named elsewhere. */
const notNames = new Set(
  'a an the in on at to for from of by with when where while who what which after before then there this that these those it he she they we you i his her their our my your yesterday today once and but or so if as historians'.split(
    ' ',
  ),
);

/** Words that a statement about a subject goes on with. */
const copulas = /^(?:is|was|are|were|has|had|plays|lies|stands|works|speaks|comes|began|became)$/;

const wordOf = (text: string): string => text.trim();

/** Where a word begins: a leading space, one between two tokens' places in the prompt, or no letter before it. */
function startsWord(tokens: Tokens, position: number): boolean {
  const { text = '', place } = tokens[position] ?? {};
  const { text: before = '', place: placeBefore } = tokens[position - 1] ?? {};
  if (place && placeBefore && place[0] > placeBefore[1]) return true;
  return /^\s/.test(text) || !/[\p{L}\p{N}'’-]$/u.test(before) || !/^[\p{L}\p{N}'’-]/u.test(text);
}

interface Word {
  readonly range: TokenRange;
  readonly text: string;
}

/** Words with the positions they take; punctuation is a word of its own. */
function wordsOf(tokens: Tokens): readonly Word[] {
  const words: Word[] = [];
  for (const [position, { text, isSpecial, place }] of tokens.entries()) {
    const last = words.at(-1);
    // A token that stands for none of the prompt is what a decoder begins with.
    if (isSpecial || place === null) continue;
    if (last && last.range[1] === position && !startsWord(tokens, position)) {
      words[words.length - 1] = { range: [last.range[0], position + 1], text: last.text + wordOf(text) };
    } else {
      words.push({ range: [position, position + 1], text: wordOf(text) });
    }
  }
  return words;
}

const isCapitalised = ({ text }: Word): boolean => /^\p{Lu}/u.test(text);
const isName = (word: Word): boolean => isCapitalised(word) && !notNames.has(word.text.toLowerCase());
const isNumber = ({ text }: Word): boolean => /^\p{N}/u.test(text);

/** Runs of words that satisfy `belongs`, in order. */
function runsOf(words: readonly Word[], belongs: (word: Word) => boolean): readonly TokenRange[] {
  const runs: TokenRange[] = [];
  for (const word of words) {
    if (!belongs(word)) continue;
    const last = runs.at(-1);
    if (last && last[1] === word.range[0]) runs[runs.length - 1] = [last[0], word.range[1]];
    else runs.push(word.range);
  }
  return runs;
}

/**
 * What a prompt is probably about: the longest run of names; else what stands before the last ` is`, ` was` and the like,
 * without its article; else its longest word. Never the last token, if another can be had.
 *
 * @returns null only for a prompt without words
 */
export function guessSubject(tokens: Tokens): TokenRange | null {
  const words = wordsOf(tokens);
  const within = words.filter(({ range }) => range[1] < tokens.length);
  const longest = (runs: readonly TokenRange[]): TokenRange | null =>
    runs.reduce<TokenRange | null>(
      (best, run) => (best === null || run[1] - run[0] > best[1] - best[0] ? run : best),
      null,
    );
  const names = longest(runsOf(within, isName));
  if (names) return names;
  const verb = words.findLastIndex(({ text }) => copulas.test(text));
  const before = words.slice(0, Math.max(0, verb)).filter(({ text }) => /[\p{L}\p{N}]/u.test(text));
  const first = before.find(({ text }) => !notNames.has(text.toLowerCase()));
  const last = before.at(-1);
  if (first && last && last.range[1] - first.range[0] <= 8) return [first.range[0], last.range[1]];
  const candidates = (within.length > 0 ? within : words).filter(({ text }) => /[\p{L}\p{N}]/u.test(text));
  const longestWord = candidates.reduce<Word | null>(
    (best, word) => (best === null || word.text.length > best.text.length ? word : best),
    null,
  );
  return longestWord?.range ?? candidates.find(isNumber)?.range ?? null;
}

/** The text of a range, as it stands in the prompt. */
export const rangeText = (
  tokens: Tokens,
  range: TokenRange,
  prompt: string | readonly number[] = [],
): string => writtenTokens(tokens, range, prompt);
