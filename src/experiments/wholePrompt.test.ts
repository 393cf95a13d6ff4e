// What is said of a prompt's texts, in models of one stack and of two.

import { expect, test } from 'vitest';
import { describeArchitecture } from '../architectures/registry.ts';
import { wholeNotices } from './wholePrompt.ts';

const models = {
  gpt2: describeArchitecture(
    { model_type: 'gpt2', n_embd: 8, n_head: 2, n_layer: 1, n_positions: 16, vocab_size: 10 },
    new Set(),
  ),
  t5: describeArchitecture({ model_type: 't5', num_layers: 1 }, new Set()),
  whisper: describeArchitecture({ model_type: 'whisper', encoder_layers: 1, decoder_layers: 1 }, new Set()),
};

test.each([
  ['gpt2', { prompt: 'a ' }, 'The prompt ends with a space.'],
  ['gpt2', { prompt: 'a' }, undefined],
  ['whisper', { prompt: 'a ' }, 'The prompt ends with a space.'],
  ['t5', { prompt: 'a ' }, undefined],
  ['t5', { prompt: 'a ', target: 'b' }, undefined],
  ['t5', { prompt: 'a', target: 'b ' }, 'The target of the prompt ends with a space.'],
  ['t5', { prompt: 'a ', target: 'a ' }, 'The target of the prompt ends with a space.'],
] as const)('of a space at the end of what is written on, a %s is told: %j', (name, parts, told) => {
  const notices = wholeNotices(models[name], parts, undefined, 'The prompt');
  expect(notices.map(({ text }) => text.slice(0, told?.length))).toEqual(told === undefined ? [] : [told]);
});
