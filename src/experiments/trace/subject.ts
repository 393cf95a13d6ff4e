// The subject's range in a prompt.

import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { quoted } from '../../messages/wording.ts';
import { ExperimentError } from '../experimentFile.ts';
import { needTokenizer } from '../tokens.ts';

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
