import { expect, test } from 'vitest';
import { readSteerExperiment } from '../../experiments/steer/experiment.ts';
import {
  type BroughtSetting,
  broughtByColumns,
  broughtByEdit,
  broughtByGeneration,
  broughtBySweep,
} from './broughtSettings.ts';
import type { SteerDocument } from './document.ts';
import { experimentIn } from './draft.ts';
import { documentOf } from './opened.ts';

const plain = {
  kind: 'steer',
  version: 1,
  model: 'tiny',
  vectors: [{ name: 'v', from: { method: 'difference', positive: ['a'], negative: ['b'] } }],
  edits: [
    { vector: 'v', top: { sites: 2 } },
    { name: 'w', vector: 'v', map: { kind: 'between' } },
  ],
  prompts: ['x'],
  columns: ['steered', 'random'],
  sweep: { layers: [0], strengths: [1] },
};
const brought = {
  ...plain,
  edits: [
    { vector: 'v', top: { sites: 2, by: 'probe' } },
    { name: 'w', vector: 'v', map: { kind: 'between', from: [1, 2, 3] } },
  ],
  generation: {
    temperature: 1,
    typicalP: 0.8,
    repetitionPenalty: 1.1,
    frequencyPenalty: 0.2,
    presencePenalty: 0.3,
    noRepeatNgramSize: 3,
    eos: [1, 2],
  },
  directions: 4,
  candidates: 5,
  sweep: { ...plain.sweep, edit: 'w', limits: { divergence: 2, repetition: 0.5 } },
};

const all = (document: SteerDocument): readonly BroughtSetting[] => [
  ...document.edits.flatMap(broughtByEdit),
  ...broughtByGeneration(document),
  ...broughtByColumns(document),
  ...broughtBySweep(document),
];

test('what acts without a control is named, and nothing is where a file says only what has one', () => {
  expect(all(documentOf(readSteerExperiment(brought))).map(({ words }) => words)).toEqual([
    'the best sites by their logistic probes',
    'a mean of 3 numbers to move from, in the place of that of the texts away',
    'typical p 0.8',
    'repetition penalty 1.1',
    'frequency penalty 0.2',
    'presence penalty 0.3',
    'no repeated sequences of this many tokens: 3',
    'a text ends at the tokens 1, 2',
    '4 random directions',
    '5 candidates at each token',
    'the edit “w” is moved',
    'a divergence of at most 2 for the cell that is chosen',
    'a repetition of at most 0.5 for the cell that is chosen',
  ]);
  expect(all(documentOf(readSteerExperiment(plain)))).toEqual([]);
});

test('dropped one after the other, nothing is left of what a file brought', () => {
  let document = documentOf(readSteerExperiment(brought));
  for (let settings = all(document); settings[0] !== undefined; settings = all(document)) {
    const before = settings.length;
    document = settings[0].drop(document);
    expect(all(document)).toHaveLength(before - 1);
  }
  expect(experimentIn(document, 'tiny')).toEqual(
    readSteerExperiment({ ...plain, generation: { temperature: 1 } }),
  );
});
