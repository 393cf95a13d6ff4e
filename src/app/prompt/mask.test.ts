import { expect, test } from 'vitest';
import { continuedPrompt, maskProblem } from './mask.ts';

const mask = { id: 4, text: '[MASK]' };
const tokens = (...ids: readonly number[]) => ids.map((id) => ({ id, text: `t${id}`, isSpecial: false }));

test('a prompt of a masked model needs one mask, and one of a decoder none', () => {
  const bert = { isCausal: false, family: 'bert', mask };
  expect(maskProblem(bert, tokens(1, 4, 2))).toBeNull();
  expect(maskProblem(bert, tokens(1, 2))).toMatch(/the prompt has none. Write '\[MASK\]'/);
  expect(maskProblem(bert, tokens(4, 4))).toMatch(/has 2/);
  expect(maskProblem({ isCausal: true, family: 'gpt2' }, tokens(1, 2))).toBeNull();
});

test('a token takes the place of the mask, with one space before it', () => {
  expect(continuedPrompt('in [MASK] now', mask, ' Paris')).toBe('in Paris now');
  expect(continuedPrompt('MKT[MASK]A', mask, 'Y')).toBe('MKTYA');
  expect(continuedPrompt('in', undefined, ' Paris')).toBe('in Paris');
});
