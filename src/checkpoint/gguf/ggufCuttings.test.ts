// Every way of cutting text that a GGUF file may name, against Hugging Face's tokenizers with the model's own steps.

import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import type { MetadataValue } from './ggufHeader.ts';
import { GgufMetadata } from './ggufMetadata.ts';
import { ggufTokenizer } from './ggufTokenizer.ts';

const { tokens, merges, texts, ways } = v.parse(
  v.object({
    tokens: v.array(v.string()),
    merges: v.array(v.string()),
    texts: v.array(v.string()),
    ways: v.record(v.string(), v.array(v.array(v.number()))),
  }),
  JSON.parse(readFileSync(new URL('../expected/gguf_cuttings.expected.json', import.meta.url), 'utf8')),
);

test.each(Object.keys(ways))('%s cuts text as the models that have it', async (way) => {
  const metadata = new Map<string, MetadataValue>([
    ['general.architecture', 'llama'],
    ['tokenizer.ggml.model', 'gpt2'],
    ['tokenizer.ggml.pre', way],
    ['tokenizer.ggml.tokens', tokens],
    ['tokenizer.ggml.token_type', tokens.map((token) => (token === '<|end|>' ? 3 : 1))],
    ['tokenizer.ggml.merges', merges],
  ]);
  const tokenizer = await ggufTokenizer(new GgufMetadata('tiny.gguf', { metadata, tensors: new Map() }));
  const found = texts.map((text) => tokenizer.encode(text, { addSpecialTokens: false }));
  expect(found).toEqual(ways[way]);
});
