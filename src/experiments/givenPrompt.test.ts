// Spellings of one prompt.

import { expect, test } from 'vitest';
import { givenOf, withGivenPromptFiles } from './givenPrompt.ts';

test('a prompt is stated as briefly as it can be, and an empty target is none', () => {
  expect(givenOf({ prompt: 'a', target: '' })).toBe('a');
  expect(givenOf({ prompt: [1, 2], target: [] })).toEqual([1, 2]);
  expect(givenOf({ prompt: 'a', target: 'b' })).toEqual({ prompt: 'a', target: 'b' });
  const image = { name: 'cat.png' };
  expect(givenOf({ prompt: 'a', target: '', image })).toEqual({ prompt: 'a', image });
  expect(withGivenPromptFiles({ prompt: 'a', target: '', image }, () => ({ file: 'b.png' }))).toEqual({
    prompt: 'a',
    image: { file: 'b.png' },
  });
});
