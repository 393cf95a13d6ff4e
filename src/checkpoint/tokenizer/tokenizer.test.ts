// Ids, texts of single tokens, and tokenizer files that are refused.
import { expect, test } from 'vitest';
import { byteLevelTokenizer, jsonBytes } from '../expected/smallFiles.ts';
import { type FileFolder, memorySource } from '../sources/byteSource.ts';
import { buildTokenizer } from './tokenizer.ts';
import { folderTokenizer } from './tokenizerFiles.ts';
import { textOfToken } from './tokenText.ts';

test('text becomes ids and ids become text, with and without the template', async () => {
  const tokenizer = await buildTokenizer(byteLevelTokenizer(), {}, 'tiny');
  expect(tokenizer.vocabularySize).toBe(260);
  expect(tokenizer.encode('a the')).toEqual([259, 97, 258]);
  expect(tokenizer.encode('a the', { addSpecialTokens: false })).toEqual([97, 258]);
  expect(tokenizer.decode([97, 258])).toBe('a the');
  expect(tokenizer.decode([])).toBe('');
});

test('a token keeps its leading space, and bytes that are not text are shown as bytes', async () => {
  const tokenizer = await buildTokenizer(byteLevelTokenizer(), {}, 'tiny');
  expect(tokenizer.tokenText(258)).toBe(' the');
  expect(tokenizer.encode('é', { addSpecialTokens: false }).map((id) => tokenizer.tokenText(id))).toEqual([
    '<0xC3>',
    '<0xA9>',
  ]);
  expect(tokenizer.tokenText(10)).toBe('\n');
  expect(tokenizer.tokenText(259)).toBe('<|end|>');
  expect([259, 258].map((id) => tokenizer.isSpecial(id))).toEqual([true, false]);
});

test('an added token is shown as it stands in the file', async () => {
  const json = byteLevelTokenizer();
  const added = {
    id: 260,
    content: 'é',
    special: false,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  };
  const tokenizer = await buildTokenizer({ ...json, added_tokens: [added] }, {}, 'tiny');
  expect(tokenizer.encode('é', { addSpecialTokens: false })).toEqual([260]);
  expect(tokenizer.tokenText(260)).toBe('é');
});

test('a row of the model that the vocabulary does not have has no text, and is shown by its number', async () => {
  const tokenizer = await buildTokenizer(byteLevelTokenizer(), {}, 'tiny');
  expect(tokenizer.tokenText(260)).toBe('#260');
  expect(tokenizer.isSpecial(260)).toBe(false);
  expect(tokenizer.decode([97, 260, 258])).toBe('a the');
  expect(tokenizer.decode([260])).toBe('');
});

test.each([-1, 0.5])('the id %d does not exist', async (id) => {
  const tokenizer = await buildTokenizer(byteLevelTokenizer(), {}, 'tiny');
  expect(() => tokenizer.tokenText(id)).toThrow(
    /does not exist in the vocabulary of tiny. Ids go from 0 to 259/,
  );
  expect(() => tokenizer.decode([id])).toThrow(/does not exist/);
});

test.each([
  ['Ġthe', 'bytes', ' the'],
  ['Ã©', 'bytes', 'é'],
  ['ĠðŁ', 'bytes', ' <0xF0><0x9F>'],
  ['日本', 'bytes', '日本'],
  ['▁the', 'sentencepiece', ' the'],
  ['<0x0A>', 'sentencepiece', '\n'],
  ['<0xE2>', 'sentencepiece', '<0xE2>'],
  ['##ing', 'wordpiece', 'ing'],
  ['##ing', 'plain', '##ing'],
] as const)('%j in the spelling %s is the text %j', (token, spelling, text) => {
  expect(textOfToken(token, spelling)).toBe(text);
});

test.each<readonly [string, unknown, RegExp]>([
  ['no object', 'text', /'tokenizer.json' of tiny is not what/],
  [
    'a later version of the format',
    { ...byteLevelTokenizer(), version: '2.0' },
    /has version '2.0' of its format, and version 1.0 is read. Use a newer Patchbay/,
  ],
  ['no model', {}, /'tokenizer.json' of tiny is not what/],
  [
    'an unknown kind of model',
    { ...byteLevelTokenizer(), model: { type: 'Oracle', vocab: {} } },
    /of the kind 'Oracle', which is not supported. Known: BPE/,
  ],
  [
    'an id beyond every vocabulary',
    { ...byteLevelTokenizer(), model: { type: 'BPE', vocab: { a: 10 ** 12 }, merges: [] } },
    /the id 1000000000000; ids are whole numbers below/,
  ],
])('a tokenizer.json with %s is refused with a sentence', async (_, json, message) => {
  await expect(buildTokenizer(json, {}, 'tiny')).rejects.toThrow(message);
});

test('a folder without tokenizer_config.json has a tokenizer all the same', async () => {
  const folder: FileFolder = {
    label: 'tiny',
    list: async () => ['tokenizer.json'],
    open: async (name) =>
      name === 'tokenizer.json' ? memorySource(name, jsonBytes(byteLevelTokenizer())) : undefined,
  };
  expect((await folderTokenizer(folder, {})).encode(' the', { addSpecialTokens: false })).toEqual([258]);
});
