import { expect, test } from 'vitest';
import { readSteerExperiment } from '../../experiments/steer/experiment.ts';
import { experimentIn } from './draft.ts';
import { documentOf } from './opened.ts';
import { isEmptyPassage } from './pairs.ts';
import { withPart } from './passage.ts';

const image = { name: 'a.png', data: 'AAAA' };
const steering = (prompt: unknown) =>
  readSteerExperiment({
    ...{ kind: 'steer', version: 1, model: 'tiny', prompts: [prompt] },
    vectors: [
      {
        name: 'own',
        from: { method: 'difference', positive: [{ prompt: 'up', image }], negative: ['down'] },
      },
    ],
    edits: [{ vector: 'own' }],
  });

test('what stands beside a text comes back from the page as the file states it', () => {
  for (const prompt of [
    { prompt: 'a source', target: 'written' },
    { prompt: '', image },
    { prompt: 'said', sound: { name: 'a.wav', data: 'AAAA' }, words: { towards: ['up'], away: [] } },
    'a text',
  ]) {
    const experiment = steering(prompt);
    const { prompts, vectors } = experimentIn(documentOf(experiment), 'tiny');
    expect(prompts).toEqual(experiment.prompts);
    expect(vectors[0]?.from).toMatchObject({ positive: [{ prompt: 'up', image }], negative: ['down'] });
  }
});

test('a text whose target is emptied is a text, and a picture alone is no empty prompt', () => {
  expect(withPart('a', { target: 'b' })).toEqual({ prompt: 'a', target: 'b' });
  expect(withPart({ prompt: 'a', target: 'b' }, { target: '' })).toBe('a');
  expect(withPart({ prompt: '', image }, { prompt: 'a' })).toEqual({ prompt: 'a', image });
  expect(isEmptyPassage({ prompt: ' ', target: '' })).toBe(true);
  expect(isEmptyPassage({ prompt: '', image })).toBe(false);
});

test('a source or a target of token ids is refused on the page', () => {
  for (const prompt of [
    { prompt: [1, 2], target: 'b' },
    { prompt: 'a', target: [3] },
  ])
    expect(() => documentOf(steering(prompt))).toThrow('the page takes text');
});
