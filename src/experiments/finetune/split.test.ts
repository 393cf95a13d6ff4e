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
  const experiment = { data, split } as unknown as Parameters<typeof heldOut>[0]; // Nothing else of it is read.
  expect(heldOut(experiment).map(({ continuation }) => continuation)).toEqual(
    byTokens.map(({ continuation }) => continuation),
  );
  expect(byTokens.length).toBeGreaterThanOrEqual(6);
});

test('examples of their own are the held-out ones', () => {
  const testData = [{ prompt: 'other', continuation: ' x' }];
  const experiment = { data, testData } as unknown as Parameters<typeof heldOut>[0]; // Nothing else of it is read.
  expect(heldOut(experiment)).toBe(testData);
});
