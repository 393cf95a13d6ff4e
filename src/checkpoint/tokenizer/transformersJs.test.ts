// Transformers.js over the same files. Its tokenizers are the library that stands under ours, so it is the second reader of
// every text; where the two part, Python decides (python.test.ts), and the number of such texts is that of the library's
// faults. A version of it that mends one changes the number, and a step of encoding.ts may go.

import { PreTrainedTokenizer } from '@huggingface/transformers';
import { expect, test } from 'vitest';
import { expectedTokenizers } from '../expected/smallTokenizers.ts';
import { buildTokenizer } from './tokenizer.ts';

const { tokenizers, cases } = expectedTokenizers();

test('Transformers.js gives the same tokens, but for the texts where its library parts from Python', async () => {
  let texts = 0;
  let apart = 0;
  for (const { tokenizer: name, config, model_type, ...each } of cases) {
    const own = await buildTokenizer(tokenizers[name], config, 'tiny', model_type);
    // It changes what it is given.
    const theirs = new PreTrainedTokenizer(structuredClone(tokenizers[name]), structuredClone(config));
    for (const text of each.texts) {
      texts += 1;
      if (JSON.stringify(own.encode(text)) !== JSON.stringify(theirs.encode(text))) apart += 1;
    }
  }
  expect({ texts, apart }).toEqual({ texts: 832, apart: 209 });
});
