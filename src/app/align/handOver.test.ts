// What is handed to the Steer page acts where it was learned, and is split among the heads that were joined.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { LearnedSite } from '../../experiments/align/learned.ts';
import { type AlignResult, readAlignResult } from '../../experiments/align/result.ts';
import type { AlignTask, TaskExample } from '../../experiments/align/task.ts';
import { readSteerExperiment } from '../../experiments/steer/experiment.ts';
import { cableOf, steeringOf } from './handOver.ts';

const result = readAlignResult(
  JSON.parse(
    readFileSync(new URL('../../../examples/align/results/task-gender.json', import.meta.url), 'utf8'),
  ),
);
const learned = (width: number): LearnedSite => ({
  values: ['a', 'b'],
  points: [],
  promptCount: 0,
  direction: Float32Array.from({ length: width }, (_, at) => at + 1),
  spread: 1,
  means: [-1, 2],
  separation: null,
  meansCosine: 1,
  tokens: null,
});
const example = (text: string, at: number): TaskExample => {
  const prompt = { text, tokens: text.split(' ').map((word, id) => ({ id, text: word })) };
  return {
    base: prompt,
    source: prompt,
    label: ' x',
    baseLabel: null,
    positions: { name: [at, at + 1] },
    settings: null,
  };
};
const task: AlignTask = {
  trainCount: 3,
  testCount: 1,
  pairCount: 4,
  promptCount: 4,
  labels: [],
  changedCount: null,
  examples: [example('a b c', 1), example('a b d', 1), example('a b c d', 2)],
  positionNames: ['name'],
  notices: [],
};
const steering = (
  position: 'name' | 'last',
  own: Partial<AlignResult['experiment']['site']> = {},
  width = 4,
) => {
  const first = result.sites.find((site) => site !== null);
  if (!first) throw new Error('The stored alignment has sites.');
  const experiment = { ...result.experiment, site: { ...result.experiment.site, ...own } };
  const choice = { result: { ...result, experiment }, index: 0, site: { ...first, position } };
  return readSteerExperiment(steeringOf(choice, learned(width), task));
};

test('a direction that was learned at a named position is added there, in prompts that have it at the same place', () => {
  const { edits, prompts } = steering('name');
  expect(edits).toMatchObject([{ strength: 3, unit: 'raw', prompt: [1] }]);
  expect(edits[0]?.steps).toBeUndefined();
  expect(prompts).toEqual(['a b c', 'a b d']);
});

test('one of the last position is added there and at every new token, in prompts of any length', () => {
  const { edits, prompts } = steering('last');
  expect(edits[0]?.prompt).toBeUndefined();
  expect(prompts).toEqual(['a b c', 'a b d', 'a b c d']);
});

test('a direction over joined heads has a part for each', () => {
  const { vectors } = steering('last', { component: 'head_attention_value_output', heads: [3, 1] });
  expect(vectors[0]).toMatchObject({
    heads: [3, 1],
    from: {
      numbers: [
        [1, 2],
        [3, 4],
      ],
    },
  });
});

test('what was trained at the mask hangs at the mask of each prompt', () => {
  const [site] = result.sites;
  if (!site) throw new Error('The stored alignment has sites.');
  const masked = { ...task, examples: [{ ...example('a b c', 1), masks: [2, 1] as const }] };
  const choice = { result, index: 0, site: { ...site, position: 'mask' } };
  expect(cableOf(choice, masked)).toMatchObject({
    unitLocations: { 'sources->base': { base: { positions: [2] }, source: { positions: [1] } } },
  });
  expect(() => cableOf(choice, task)).toThrow("The first examples have no position 'mask'.");
});

test('sites that were trained together are not hung as one cable at the places of the first', () => {
  const [site] = result.sites;
  if (!site) throw new Error('The stored alignment has sites.');
  const jointly = [{ component: 'block_output', layer: 1, position: 'last' }] as const;
  const experiment = { ...result.experiment, jointly };
  expect(() => cableOf({ result: { ...result, experiment }, index: 0, site }, task)).toThrow(
    /trained at several sites together/,
  );
  expect(cableOf({ result, index: 0, site }, task)).toMatchObject({ kind: 'intervene' });
});
