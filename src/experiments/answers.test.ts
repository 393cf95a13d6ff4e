// Answers as tokens, with tokenizers that put a space in front of a text and with those that do not.
import { describe, expect, test } from 'vitest';
import { expectedTokenizer, expectedTokenizers } from '../checkpoint/expected/smallTokenizers.ts';
import { buildTokenizer } from '../checkpoint/tokenizer/tokenizer.ts';
import { answerToken, continuation } from './answers.ts';

const texts = async (name: string, prompt: string, answer: string) => {
  const tokenizer = await expectedTokenizer(name);
  return continuation(answer, tokenizer, prompt).map((id) => tokenizer.tokenText(id));
};

const answered = async (name: string, after: string, answer: string) => {
  const tokenizer = await expectedTokenizer(name);
  return answerToken(answer, 'the answer', { tokenizer, vocabularySize: tokenizer.vocabularySize, after });
};

describe.each(['bytes', 'split', 'pieces', 'unigram'])('with the tokenizer %s', (name) => {
  test('prompt and answer together are the tokens of both written together', async () => {
    const tokenizer = await expectedTokenizer(name);
    const plain = { addSpecialTokens: false };
    for (const [prompt, answer] of [
      ['The Space Needle is in', ' Seattle'],
      ['The Eiffel Tower is in', ' Paris'],
      ['in the house;', ' gin'],
      ['it is 12', ' 345'],
    ] as const) {
      const together = tokenizer.encode(prompt + answer, plain);
      const before = tokenizer.encode(prompt, plain);
      expect(together.slice(0, before.length)).toEqual(before);
      expect(continuation(answer, tokenizer, prompt)).toEqual(together.slice(before.length));
    }
  });
});

test('a tokenizer that puts a space in front of every text does not make a bare space of an answer', async () => {
  // LLaMA 2's form: the normaliser puts a space before every text, so that " Paris" by itself begins with two.
  const pieces = ['<unk>', '▁', '▁the', '▁town', '▁Paris', '▁Rome', 'Paris', ...'theownParisRm'];
  const tokenizer = await buildTokenizer(
    {
      normalizer: {
        type: 'Sequence',
        normalizers: [
          { type: 'Prepend', prepend: '▁' },
          { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
        ],
      },
      decoder: { type: 'Metaspace', replacement: '▁' },
      model: {
        type: 'Unigram',
        unk_id: 0,
        vocab: [...new Set(pieces)].map((piece, id) => [piece, id < 7 ? -1 : -9]),
      },
    },
    {},
    'tiny',
  );
  expect(tokenizer.encode(' Paris').map((id) => tokenizer.tokenText(id))).toEqual([' ', ' Paris']);
  const answer = (name: string) =>
    answerToken(name, 'the answer', { tokenizer, vocabularySize: 30, after: 'the town' });
  expect([answer(' Paris').text, answer(' Paris').rest]).toEqual([' Paris', 0]);
  expect(answer(' Rome').text).toBe(' Rome');
  expect([answer('Paris').text, answer('Paris').rest]).toEqual(['Paris', 0]);
});

test('where the answer joins the last word, it is the answer by itself, without a space that nobody wrote', async () => {
  // "the" + "house" is one stretch of letters, whose tokens are others.
  expect((await texts('bytes', 'a hous', 'e')).join('')).toBe('e');
  expect((await texts('pieces', 'the do', 'g')).join('')).toBe('g');
  expect((await texts('unigram', 'the do', 'g')).join('')).toBe('g');
});

test('an answer without its space is reported with the one that has it', async () => {
  const { notices } = await answered('bytes', 'The Eiffel Tower is in', 'town');
  expect(notices.map(({ code }) => code)).toContain('answer-without-space');
  expect(notices.at(-1)?.text).toBe(
    'The answer "town" goes on with the last word of the prompt. As the next word it is " town", with the space before it.',
  );
  const codes = async (prompt: string, answer: string) =>
    (await answered('bytes', prompt, answer)).notices.map(({ code }) => code);
  expect(await codes('The Eiffel Tower is in', ' town')).not.toContain('answer-without-space');
  expect(await codes('It is in "', 'town')).not.toContain('answer-without-space');
  expect(await codes('It lasted from 1428 to 14', '97')).not.toContain('answer-without-space');
  expect(await codes('エッフェル塔は', 'パリ')).not.toContain('answer-without-space');
});

test('what was taken is reported where it differs from what was written', async () => {
  const { tokenizers } = expectedTokenizers();
  const tokenizer = await buildTokenizer(tokenizers.wordpiece, {}, 'tiny');
  const { text, notices } = answerToken(' IN', 'the answer', {
    tokenizer,
    vocabularySize: tokenizer.vocabularySize,
    after: 'dog is',
  });
  expect(text).toBe('in');
  expect(notices[0]?.text).toBe('The answer " IN" is taken as the token "in".');
});

test('a token that the model does not have, and an answer without tokens, are refused', async () => {
  const tokenizer = await expectedTokenizer('bytes');
  const context = { tokenizer, vocabularySize: 10, after: 'the', of: ' of pair 2' };
  expect(() => answerToken(11, 'the answer', context)).toThrow(
    'Token 11, the answer of pair 2, does not exist: the vocabulary has ids 0 to 9.',
  );
  expect(() => answerToken('', 'the answer', context)).toThrow('The answer of pair 2 has no tokens.');
  expect(() => answerToken(' dog', 'the answer', { ...context, tokenizer: undefined })).toThrow(
    /must be given as token ids/,
  );
});
