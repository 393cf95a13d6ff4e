// Held-out examples as texts are those that a run holds out as tokens.

import { expect, test } from 'vitest';
import { heldOut, splitByPrompt } from './split.ts';

const data = Array.from({ length: 20 }, (_, at) => ({
  prompt: `prompt ${at % 12}`,
  continuation: ` ${at}`,
}));

test('the same examples are held out by the texts of their prompts as by their tokens', () => {
  const split = { testShare: 0.3, seed: 5 };
  const tokens = data.map(({ prompt, continuation }) => ({
    ids: [1, Number(prompt.split(' ')[1])],
    continuation,
  }));
  const byTokens = splitByPrompt(split, tokens, ({ ids }) => ids.join(' ')).test;
  expect(heldOut({ data, split }).map(({ continuation }) => continuation)).toEqual(
    byTokens.map(({ continuation }) => continuation),
  );
  expect(byTokens.length).toBeGreaterThanOrEqual(6);
});

test('a prompt that is spelled in several ways, or shows one picture by two names, lies on one side as in a run', () => {
  const image = { name: 'cat.png', data: 'AAAA' };
  const spelled = [
    ['a b', { prompt: 'a b' }, { prompt: 'a b', target: '' }, { prompt: 'a b', target: [] }],
    [{ prompt: 'a b', target: 'c' }],
    [
      { prompt: '', image },
      { prompt: '', image: { ...image, name: 'copy.png', sha256: '0'.repeat(64) } },
    ],
    [{ prompt: '', image: { ...image, data: 'AAAB' } }],
  ];
  const examples = spelled.flatMap((ways, run) =>
    ways.map((prompt) => ({ prompt, continuation: ` ${run}` })),
  );
  for (let seed = 0; seed < 8; seed++) {
    const split = { testShare: 0.3, seed };
    expect(heldOut({ data: examples, split })).toEqual(
      splitByPrompt(split, examples, (each) => each.continuation).test,
    );
  }
});

test('examples of their own are the held-out ones', () => {
  const testData = [{ prompt: 'other', continuation: ' x' }];
  expect(heldOut({ data, testData })).toBe(testData);
});
