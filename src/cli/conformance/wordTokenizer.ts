// A tokenizer for the small models of the reference results, which come without one.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Write a tokenizer whose words are w0, w1, ... into a model's folder. */
export function writeWordTokenizer(model: string, words: number): void {
  const vocab = Object.fromEntries(Array.from({ length: words }, (_, id) => [`w${id}`, id]));
  const tokenizer = {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'Whitespace' },
    post_processor: null,
    decoder: null,
    model: { type: 'WordLevel', vocab, unk_token: 'w0' },
  };
  writeFileSync(join(model, 'tokenizer.json'), JSON.stringify(tokenizer));
}
