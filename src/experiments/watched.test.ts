import { expect, test } from 'vitest';
import { describeArchitecture } from '../architectures/registry.ts';
import { watchedPosition } from './watched.ts';

const tokenizer = { maskId: 4, tokenText: (id: number) => (id === 4 ? '[MASK]' : `t${id}`) };
const bert = { isCausal: false, modelType: 'bert' };

test('a decoder predicts after the last token, whatever the tokens are', () => {
  expect(watchedPosition({ isCausal: true, modelType: 'gpt2' }, [1, 4, 2], tokenizer)).toBe(2);
});

test('a masked model predicts at its mask', () => {
  expect(watchedPosition(bert, [1, 4, 2], tokenizer)).toBe(1);
});

test.each([
  [
    [1, 2],
    tokenizer,
    /^This bert model predicts what stands at a mask, and the prompt has none. Write '\[MASK\]'/,
  ],
  [[4, 1, 4], tokenizer, /the prompt has 2 \('\[MASK\]'\), of which one can be watched/],
  [[4], { tokenText: String }, /its tokenizer names none/],
  [[4], undefined, /without a tokenizer nothing says which token that is/],
] as const)(
  'the tokens %j with what is known of the mask are refused with a sentence',
  (tokens, known, sentence) => {
    expect(() => watchedPosition(bert, tokens, known)).toThrow(sentence);
  },
);

test.each([
  [
    { model_type: 't5', num_layers: 1 },
    /This t5 model reads a source beside what it writes, and of the experiments only a causal trace, a patch, an attribution, an intervention, a steering, an alignment and a finetuning know more than a text/,
  ],
  [{ model_type: 'vit', num_hidden_layers: 1 }, /This vit model reads a picture, and of the experiments/],
])('a model that reads something else than a prompt is refused: %j', (config, sentence) => {
  expect(() => watchedPosition(describeArchitecture(config, new Set()), [1], undefined)).toThrow(sentence);
});
