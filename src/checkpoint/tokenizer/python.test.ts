// Tokens against Python's: small tokenizers and difficult texts, as Transformers reads them (expected/make_tokenizers.py), and
// the reference tokenizers that lie beside the repository where someone has put them.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { jsonBytes } from '../expected/smallFiles.ts';
import { expectedTokenizers } from '../expected/smallTokenizers.ts';
import { type FileFolder, memorySource } from '../sources/byteSource.ts';
import { buildTokenizer } from './tokenizer.ts';
import { folderTokenizer } from './tokenizerFiles.ts';

const expected = expectedTokenizers();

const folderOf = (files: ReadonlyMap<string, Uint8Array>): FileFolder => ({
  label: 'tiny',
  list: async () => [...files.keys()],
  open: async (name) => {
    const bytes = files.get(name);
    return bytes && memorySource(name, bytes);
  },
});

const cases = expected.cases.map((each) => ({
  ...each,
  name: `${each.tokenizer} with ${JSON.stringify(each.config)} in a ${each.model_type} folder`,
}));

const build = ({ tokenizer, config, model_type }: (typeof cases)[number]) =>
  buildTokenizer(expected.tokenizers[tokenizer], config, 'tiny', model_type);

test.each(cases.filter(({ file_ids }) => file_ids === undefined))('$name: Python’s tokens', async (each) => {
  const tokenizer = await build(each);
  expect(each.texts.map((text) => [text, tokenizer.encode(text)])).toEqual(
    each.texts.map((text, index) => [text, each.ids[index]]),
  );
});

const differing = cases.filter(({ file_ids }) => file_ids !== undefined);

test.each(differing)('$name: Python’s tokens, or those of the file and a notice', async (each) => {
  const tokenizer = await build(each);
  for (const [index, text] of each.texts.entries()) {
    const [found, python, file] = [tokenizer.encode(text), each.ids[index], each.file_ids?.[index]];
    if (JSON.stringify(found) === JSON.stringify(python)) continue;
    if (each.config.add_prefix_space === undefined) expect([text, found]).toEqual([text, file]);
    expect(tokenizer.noticeOf?.(text)).toMatch(/Transformers 5/);
  }
});

test('a LLaMA folder whose own template puts a space in front is read so, and a text that version 5 reads otherwise is named', async () => {
  const llama = differing.find(({ tokenizer, config }) => tokenizer === 'pieces' && config.legacy === true);
  if (!llama) throw new Error('no such case');
  const tokenizer = await build(llama);
  expect(tokenizer.noticeOf?.('the dog')).toBeUndefined();
  expect(tokenizer.noticeOf?.(' the dog')).toMatch(/LlamaTokenizer of its own/);
});

test.each(cases)('$name: places lie where Python has them', async (each) => {
  const tokenizer = await build(each);
  for (const [index, text] of each.texts.entries()) {
    if (JSON.stringify(tokenizer.encode(text)) !== JSON.stringify(each.ids[index])) continue;
    // A written SentencePiece sign cannot be told from a space.
    if (text.includes('▁')) continue;
    const found = tokenizer.places(text);
    for (const [token, python] of (each.places[index] ?? []).entries()) {
      const place = found[token];
      if (!python || !place) continue;
      // Python leaves out an accent that the normaliser joins to its letter, and counts a space that it put in front as the
      // first character.
      const written = text
        .slice(...place)
        .replace(/\p{M}/gu, '')
        .trim();
      if (written === '') continue;
      expect([text, token, text.slice(...python)]).toEqual([text, token, expect.stringContaining(written)]);
      expect(place[0]).toBeGreaterThanOrEqual(python[0]);
    }
  }
});

const textFile = (text: string): Uint8Array => new TextEncoder().encode(text);

test.each(expected.folders)(
  'vocab.json and merges.txt with $config in a $model_type folder: Python’s tokens',
  async (each) => {
    const files = new Map([
      ['vocab.json', jsonBytes(each.vocab)],
      ['merges.txt', textFile(each.merges)],
      ['tokenizer_config.json', jsonBytes(each.config)],
    ]);
    const folder = folderOf(files);
    const tokenizer = await folderTokenizer(folder, { model_type: each.model_type });
    expect(each.texts.map((text) => [text, tokenizer.encode(text)])).toEqual(
      each.texts.map((text, index) => [text, each.ids[index]]),
    );
  },
);

test('a vocabulary without its merges, or in a family that is not known to cut text so, says what is missing', async () => {
  const vocab: [string, Uint8Array] = ['vocab.json', jsonBytes({ a: 0 })];
  await expect(folderTokenizer(folderOf(new Map([vocab])), { model_type: 'gpt2' })).rejects.toThrow(
    "'merges.txt' is missing in tiny, which has a vocab.json",
  );
  const both = new Map([vocab, ['merges.txt', textFile('#version: 0.2\n')]]);
  await expect(folderTokenizer(folderOf(both), { model_type: 'llama' })).rejects.toThrow(
    /'LlamaTokenizer' does not say how text is cut before the merges. Add tokenizer.json/,
  );
});

const neighbour = new URL('../../../../shared/reference/tokenizers/', import.meta.url);
const names = existsSync(neighbour) ? readdirSync(neighbour) : [];
const referenceSchema = v.object({
  cases: v.array(
    v.looseObject({
      kind: v.string(),
      text: v.string(),
      ids: v.optional(v.array(v.number())),
      add_special_tokens: v.optional(v.boolean()),
      decoded: v.optional(v.string()),
    }),
  ),
});

describe.skipIf(names.length === 0)('the reference tokenizers', () => {
  test.each(names)('%s: every text', async (name) => {
    const read = (file: string): unknown =>
      JSON.parse(readFileSync(new URL(`${name}/${file}`, neighbour), 'utf8'));
    const tokenizer = await buildTokenizer(
      read('model/tokenizer.json'),
      read('model/tokenizer_config.json'),
      name,
    );
    const texts = v
      .parse(referenceSchema, read('cases.json'))
      .cases.filter(({ kind }) => kind === 'tokenize');
    expect(texts.length).toBeGreaterThan(100);
    for (const { text, ids: wanted = [], add_special_tokens: addSpecialTokens = true, decoded } of texts) {
      expect([text, tokenizer.encode(text, { addSpecialTokens })]).toEqual([text, wanted]);
      expect([text, tokenizer.decode(wanted)]).toEqual([text, decoded]);
    }
  });
});
