import { expect, test } from 'vitest';
import type { TraceResult } from '../../experiments/trace/result.ts';
import { cellFacts, topTokens } from './cell.ts';

const samples = (...probabilities: readonly number[]) => ({
  answerLogit: probabilities.map(Math.log),
  logSumExp: probabilities.map(() => 0),
  rank: probabilities.map((_, sample) => sample + 1),
  divergence: probabilities.map(() => 0),
  topIds: probabilities.map((_, sample) => [7, 8 + sample]),
  topLogits: probabilities.map((p) => [Math.log(p), Math.log(0.1)]),
});

const result: TraceResult = {
  kind: 'trace-result',
  version: 1,
  experiment: {
    kind: 'trace',
    version: 1,
    model: 'tiny',
    prompt: 'a "b" c',
    subject: [1, 2],
    corruption: { kind: 'noise', level: { standardDeviations: 3 }, samples: 2, seed: 5 },
    direction: 'restore',
    streams: [{ component: 'mlp_output', window: 3 }],
    positions: 'all',
  },
  model: { label: 'tiny', modelType: 'gpt2', parameterCount: 1 },
  backend: { kind: 'wasm', description: '' },
  tokens: ['a', ' "b"', ' c'].map((text, id) => ({ id, text })),
  subject: [1, 2],
  answer: { id: 7, text: ' d' },
  level: 0.25,
  samples: 2,
  layerCount: 4,
  positions: [0, 1, 2],
  clean: samples(0.8),
  corrupted: samples(0.2, 0.2),
  streams: [
    {
      component: 'mlp_output',
      window: 3,
      cells: Array.from({ length: 12 }, (_, index) => (index === 1 ? samples(0.4, 0.6) : null)),
    },
  ],
  notices: [],
};

test('a cell is reported with its baselines, what it recovers, its spread and the layers it covers', () => {
  const facts = cellFacts(result, { panel: 0, location: 1, layer: 0 }, 'probability');
  expect(facts).toMatchObject({ token: ' "b"', isCorrupted: true, window: { from: 0, to: 2, isCut: true } });
  expect(facts?.measured?.value.mean).toBeCloseTo(0.5);
  expect(facts?.measured?.value.sd).toBeCloseTo(0.1414, 3);
  // (0.5 - 0.2) / (0.8 - 0.2)
  expect(facts?.measured?.recovered).toBeCloseTo(0.5);
  expect(facts?.measured?.rank.mean).toBe(1.5);
});

test('a cell that has not arrived has no numbers, and one outside the figure is none', () => {
  expect(cellFacts(result, { panel: 0, location: 0, layer: 0 }, 'rank')?.measured).toBeNull();
  expect(cellFacts(result, { panel: 1, location: 0, layer: 0 }, 'rank')).toBeNull();
});

test('the most probable tokens are the means over samples, and a missing one counts as 0', () => {
  const top = topTokens(samples(0.4, 0.6));
  expect(top.map(({ id }) => id)).toEqual([7, 8, 9]);
  expect(top[0]?.probability).toBeCloseTo(0.5);
  expect(top[1]?.probability).toBeCloseTo(0.05);
});
