import { expect, test } from 'vitest';
import { fractionRecovered, type Samples } from '../metrics.ts';
import { metricsOf, traceCsv, traceGrid } from './grid.ts';
import type { TraceResult } from './result.ts';

const samples = (...answerLogit: readonly number[]): Samples => ({
  answerLogit,
  logSumExp: answerLogit.map(() => 0),
  rank: answerLogit.map(() => 3),
  divergence: answerLogit.map(() => 0.5),
  topIds: answerLogit.map(() => [7]),
  topLogits: answerLogit.map(() => [1]),
});

// Probabilities are exponentials of the logits, because every log-sum-exp is 0.
const result: TraceResult = {
  kind: 'trace-result',
  version: 1,
  experiment: {
    kind: 'trace',
    version: 1,
    model: 'tiny',
    prompt: 'x, "y"',
    subject: [0, 1],
    corruption: { kind: 'noise', level: 1, samples: 2, seed: 1 },
    direction: 'restore',
    streams: [{ component: 'mlp_output' }],
    positions: 'all',
  },
  model: { label: 'tiny', modelType: 'gpt2', parameterCount: 1 },
  backend: { kind: 'node', description: '1 thread' },
  tokens: [
    { id: 1, text: 'x,' },
    { id: 2, text: ' "y"' },
  ],
  subject: [0, 1],
  answer: { id: 7, text: ' z' },
  level: 1,
  samples: 2,
  layerCount: 2,
  positions: [0, 1],
  clean: samples(Math.log(0.9)),
  corrupted: samples(Math.log(0.1), Math.log(0.3)),
  streams: [
    {
      component: 'mlp_output',
      window: 2,
      cells: [samples(Math.log(0.2), Math.log(0.4)), null, samples(Math.log(0.5), Math.log(0.5)), null],
    },
  ],
  notices: [],
};

test('a grid has the mean and the spread of each cell, and null where nothing was computed', () => {
  const grid = traceGrid(result, 0, 'probability');
  expect(grid.cells[0]?.[0]?.mean).toBeCloseTo(0.3, 12);
  expect(grid.cells[0]?.[0]?.sd).toBeCloseTo(Math.SQRT2 / 10, 12);
  expect(grid.cells[0]?.[1]).toBeNull();
  expect(grid.clean).toEqual({ mean: 0.9, sd: null });
  expect([...grid.cutLayers]).toEqual([0]);
  // (0.3 - 0.2) / (0.9 - 0.2)
  expect(fractionRecovered(0.3, grid)).toBeCloseTo(1 / 7, 12);
});

test('a logit difference is offered only with a distractor', () => {
  expect(metricsOf(result)).not.toContain('logitDifference');
  expect(() => traceGrid(result, 0, 'logitDifference')).toThrow('needs a distractor');
});

test('the table quotes tokens that hold commas and quotes', () => {
  const lines = traceCsv(result).split('\n');
  expect(lines[0]).toMatch(/^stream,layer,position,token,window_first,window_last,samples,probability_mean,/);
  expect(lines[1]).toMatch(/^clean,,,,,,1,0\.9,,/);
  expect(lines[3]).toMatch(/^mlp_output,0,0,"x,",0,0,2,0\.3/);
  expect(lines[4]).toMatch(/^mlp_output,1,0,"x,",0,1,2,0\.5,0,/);
  expect(lines).toHaveLength(6);
});
