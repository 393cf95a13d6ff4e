// From text to tokens: the prompt, the subject's range in it, and single tokens that a person names.

import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { quoted } from '../../checkpoint/wording.ts';
import { ExperimentError } from '../experimentFile.ts';

function needTokenizer(tokenizer: Tokenizer | undefined, what: string): Tokenizer {
  if (tokenizer) return tokenizer;
  throw new ExperimentError(`This model brings no tokenizer, so ${what} must be given as token ids.`);
}

/**
 * @param text text, or token ids
 * @param what names it in messages: 'the prompt'
 * @throws ExperimentError when it has no tokens, or text comes without a tokenizer
 */
export function tokensOf(
  text: string | readonly number[],
  tokenizer: Tokenizer | undefined,
  what: string,
  options?: { readonly addSpecialTokens?: boolean },
): readonly number[] {
  const tokens = typeof text === 'string' ? needTokenizer(tokenizer, what).encode(text, options) : [...text];
  if (tokens.length > 0) return tokens;
  throw new ExperimentError(
    `${what[0]?.toUpperCase()}${what.slice(1)} has no tokens. Give at least one word.`,
  );
}

/** What stands on a token's chip: its text, or its id where there is no tokenizer. */
export function tokenLabel(id: number, tokenizer: Tokenizer | undefined): string {
  return tokenizer ? tokenizer.tokenText(id) : `#${id}`;
}

/** Where each token's text ends in the text of all. A token that holds a part of a character ends where it begins. */
function textEnds(tokens: readonly number[], tokenizer: Tokenizer): readonly number[] {
  return tokens.map(
    (_, index) => tokenizer.decode(tokens.slice(0, index + 1)).replace(/\uFFFD+$/, '').length,
  );
}

/**
 * The tokens that hold a text's first occurrence.
 * @returns first token, and the one after the last
 * @throws ExperimentError when the text does not occur
 */
export function rangeOfText(
  text: string,
  tokens: readonly number[],
  tokenizer: Tokenizer | undefined,
): readonly [number, number] {
  const known = needTokenizer(tokenizer, 'the subject');
  const start = known.decode(tokens).indexOf(text);
  if (start < 0 || text === '') {
    throw new ExperimentError(
      `The subject ${quoted(text)} does not occur in the prompt. Write it as it stands there, or give the range of its tokens.`,
    );
  }
  const ends = textEnds(tokens, known);
  const begin = (index: number) => (index === 0 ? 0 : (ends[index - 1] ?? 0));
  let first = ends.findIndex((end) => end > start);
  // Tokens before it that hold the first parts of the same character belong to it.
  while (first > 0 && begin(first) === start && begin(first - 1) === start) first -= 1;
  const last = ends.findIndex((end) => end >= start + text.length);
  return [first, last + 1];
}

/** @throws ExperimentError when it is empty or reaches past the prompt */
export function checkedRange(
  [from, to]: readonly [number, number],
  length: number,
): readonly [number, number] {
  if (from < to && to <= length) return [from, to];
  throw new ExperimentError(
    from >= to
      ? `The subject's range [${from}, ${to}] is empty: its second number must be larger than its first.`
      : `The subject's range [${from}, ${to}] reaches past the prompt, which has ${length} tokens.`,
  );
}

export interface NamedToken {
  readonly id: number;
  readonly text: string;
}

/**
 * One token that a person names by id or text. Of a text of several tokens it is the first, and `rest` tells how many
 * more there are.
 * @throws ExperimentError for an id that the vocabulary does not have, or a text without tokens
 */
export function namedToken(
  name: string | number,
  tokenizer: Tokenizer | undefined,
  vocabularySize: number,
  what: string,
): NamedToken & { readonly rest: number } {
  const ids =
    typeof name === 'number' ? [name] : tokensOf(name, tokenizer, what, { addSpecialTokens: false });
  const [id = 0] = ids;
  if (id >= vocabularySize) {
    throw new ExperimentError(
      `Token ${id}, ${what}, does not exist: the vocabulary has ids 0 to ${vocabularySize - 1}.`,
    );
  }
  return { id, text: tokenLabel(id, tokenizer), rest: ids.length - 1 };
}
