// The tokens of proteins, against Transformers' EsmTokenizer on the same list.

import { expect, test } from 'vitest';
import { type FileFolder, memorySource } from '../sources/byteSource.ts';
import { folderTokenizer } from './tokenizerFiles.ts';

const list = ['<cls>', '<pad>', '<eos>', '<unk>', ...'LAGVSERTIDPKQNFYMHWCXBUZO.-', '<null_1>', '<mask>'];

const folder: FileFolder = {
  label: 'tiny',
  list: async () => ['vocab.txt'],
  async open(name) {
    if (name !== 'vocab.txt') return undefined;
    return memorySource(name, new TextEncoder().encode(list.join('\n')));
  },
};

const esm = () => folderTokenizer(folder, { model_type: 'esm' });

test.each([
  ['MKT<mask>AY', [0, 20, 15, 11, 32, 5, 19, 2]],
  ['M K\nT-.', [0, 20, 15, 11, 30, 29, 2]],
  [' MK <mask> T ', [0, 20, 15, 32, 11, 2]],
  ['M<cls>K', [0, 20, 0, 15, 2]],
])('%j becomes the ids that Transformers gives', async (text, ids) => {
  expect((await esm()).encode(text)).toEqual(ids);
});

test('every amino acid stands at its place, and the mask is known', async () => {
  const tokenizer = await esm();
  expect(tokenizer.places('MK T')).toEqual([null, [0, 1], [1, 2], [3, 4], null]);
  expect(tokenizer.maskId).toBe(32);
  expect(tokenizer.tokenText(20)).toBe('M');
});

test.each(['MKjA', 'hello', 'MK1'])('%s holds what is no amino acid, and is refused', async (text) => {
  const tokenizer = await esm();
  expect(() => tokenizer.encode(text)).toThrow(
    /is no amino acid that tiny knows. Write amino acids as capital letters/,
  );
});

test('a list of tokens of another family is not taken for amino acids', async () => {
  await expect(folderTokenizer(folder, { model_type: 'bert' })).rejects.toThrow(
    /'tokenizer.json' is missing in tiny/,
  );
});
