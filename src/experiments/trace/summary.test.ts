import { expect, test } from 'vitest';
import type { Samples } from '../metrics.ts';
import type { TraceResult } from './result.ts';
import { traceHeatmaps } from './summary.ts';

/** One sample whose answer has this probability. */
const probability = (p: number): Samples => ({
  answerLogit: [Math.log(p)],
  logSumExp: [0],
  rank: [1],
  divergence: [0],
  topIds: [[7]],
  topLogits: [[0]],
});

const result: TraceResult = {
  kind: 'trace-result',
  version: 1,
  experiment: {
    kind: 'trace',
    version: 1,
    model: 'tiny',
    prompt: 'The Tower',
    subject: [1, 2],
    corruption: { kind: 'zero' },
    direction: 'restore',
    streams: [{ component: 'mlp_output' }],
    positions: 'all',
  },
  model: { label: 'tiny', modelType: 'gpt2', parameterCount: 1 },
  backend: { kind: 'node', description: '1 thread' },
  tokens: [
    { id: 1, text: 'The' },
    { id: 2, text: ' Tower' },
  ],
  subject: [1, 2],
  answer: { id: 7, text: ' in' },
  level: null,
  samples: 1,
  layerCount: 3,
  positions: [0, 1],
  clean: probability(0.9),
  corrupted: probability(0.1),
  streams: [
    {
      component: 'mlp_output',
      window: 3,
      cells: [0.1, 0.52, 0.02, 0.9, 0.3, null].map((p) => (p === null ? null : probability(p))),
    },
  ],
  notices: [],
};

test('without colours, digits run from the corrupted run to the clean one', () => {
  expect(traceHeatmaps(result, 'probability', { hasColours: false, columns: 80 }).split('\n')).toEqual([
    'mlp_output, 3 layers together',
    '        0',
    '   The  002',
    '·Tower* 59.',
    '',
    'clean 0.9, corrupted 0.1; 0 is corrupted, 9 is clean, . is not computed',
  ]);
});

test('with colours, a cell is a block of two columns where there is room, and one not computed is shaded', () => {
  const drawn = traceHeatmaps(result, 'probability', { hasColours: true, columns: 80 });
  expect(drawn).toContain('\u001b[48;5;22m  \u001b[0m'); // The strongest green: as clean.
  expect(drawn).toContain('░░');
  const narrow = traceHeatmaps(result, 'probability', { hasColours: true, columns: 12 });
  expect(narrow).toContain('\u001b[48;5;22m \u001b[0m');
});
