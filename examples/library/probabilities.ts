// The probabilities of a few words, from logits.

import type { Tokenizer } from 'patchbay';

/** @param logits [vocabulary] */
export function probabilitiesOf(
  logits: Float32Array,
  tokenizer: Tokenizer,
  words: readonly string[],
): readonly number[] {
  const largest = logits.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY);
  const total = logits.reduce((sum, x) => sum + Math.exp(x - largest), 0);
  return words.map((word) => {
    const [token = -1] = tokenizer.encode(word);
    return Math.exp((logits[token] ?? Number.NaN) - largest) / total;
  });
}
