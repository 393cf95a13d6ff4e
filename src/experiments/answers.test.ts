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

describe('in the place of a mask', () => {
  const words = [
    '[UNK]',
    '[CLS]',
    '[SEP]',
    '[MASK]',
    'i',
    'love',
    'food',
    'thai',
    '##thai',
    'red',
    '.',
    '##d',
  ];
  const built = buildTokenizer(
    {
      added_tokens: words.slice(0, 4).map((content, id) => ({
        id,
        content,
        special: true,
        lstrip: false,
        rstrip: false,
        single_word: false,
        normalized: false,
      })),
      normalizer: {
        type: 'BertNormalizer',
        clean_text: true,
        handle_chinese_chars: true,
        strip_accents: null,
        lowercase: true,
      },
      pre_tokenizer: { type: 'BertPreTokenizer' },
      post_processor: null,
      decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
      model: {
        type: 'WordPiece',
        unk_token: '[UNK]',
        continuing_subword_prefix: '##',
        max_input_chars_per_word: 100,
        vocab: Object.fromEntries(words.map((word, id) => [word, id])),
      },
    },
    { mask_token: '[MASK]' },
    'tiny',
    'bert',
  );
  const filled = async (name: string | number, after: string | readonly number[], isCausal = false) => {
    const tokenizer = await built;
    const vocabularySize = words.length;
    const { id, rest } = answerToken(name, 'the answer', { tokenizer, vocabularySize, after, isCausal });
    return [words[id], rest];
  };

  test('a word is a word, where after the prompt it would go on with the last one', async () => {
    expect(await filled('thai', 'I love [MASK] food')).toEqual(['thai', 0]);
    expect(await filled(' Thai', 'I love [MASK] food')).toEqual(['thai', 0]);
    expect(await filled('thai', 'I love [MASK] food', true)).toEqual(['##thai', 0]);
  });

  test('a piece of a word is one where the mask is', async () => {
    expect(await filled('thai', 'I love food[MASK]')).toEqual(['##thai', 0]);
    expect(await filled('thai', [4, 5, 3, 6])).toEqual(['thai', 0]);
  });

  test('of several tokens the first is taken, and tokens around the mask stay as they are', async () => {
    expect(await filled('red thai', 'I love [MASK] food.')).toEqual(['red', 1]);
    // Written together with what follows it would be another word: it is taken by itself.
    expect(await filled('thai', 'I love [MASK]d')).toEqual(['thai', 0]);
    expect(await filled(8, 'I love [MASK] food')).toEqual(['##thai', 0]);
  });
});
