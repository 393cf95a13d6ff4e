import { expect, test } from 'vitest';
import type { Samples } from '../metrics.ts';
import { patchFigures } from './figure.ts';
import { normalisedGrid, patchCsv, patchGrid, patchMetrics, usualMetric } from './grid.ts';
import { type PatchResult, readPatchResult } from './result.ts';

/** Two pairs, with these logit differences. */
const differences = (...values: readonly number[]): Samples => ({
  answerLogit: values.map((value) => 10 + value),
  distractorLogit: values.map(() => 10),
  logSumExp: values.map((value) => 12 + value),
  rank: values.map(() => 1),
  divergence: values.map(() => 0.5),
  topIds: values.map(() => [7]),
  topLogits: values.map((value) => [10 + value]),
});

const token = (id: number, text: string) => ({ id, text });
const pair = (name: string, other: string, answer: string) => ({
  clean: [token(1, 'When'), token(2, name), token(3, ' gave')],
  corrupted: [token(1, 'When'), token(4, other), token(3, ' gave')],
  answer: token(7, answer),
  distractor: token(8, ' her'),
});

const result: PatchResult = {
  kind: 'patch-result',
  version: 1,
  experiment: {
    kind: 'patch',
    version: 1,
    model: 'tiny',
    pairs: [
      { clean: [1, 2, 3], corrupted: [1, 4, 3] },
      { clean: [1, 2, 3], corrupted: [1, 4, 3] },
    ],
    sweeps: [{ component: 'mlp_output', window: 1, positions: 'all' }],
  },
  model: { label: 'tiny', modelType: 'gpt2', parameterCount: 1 },
  backend: { kind: 'node', description: '1 thread' },
  pairs: [pair(' Mary', ' John', ' him'), pair(' Ann', ' Tom', ' them')],
  direction: 'restore',
  layerCount: 2,
  clean: differences(4, 6),
  corrupted: differences(-3, -1),
  panels: [
    {
      component: 'mlp_output',
      by: 'position',
      window: 1,
      positions: [1, 2],
      cells: [differences(-3, -1), differences(0.5, 2.5), differences(5, 9), null],
    },
    {
      component: 'head_query_output',
      by: 'head-position',
      window: 2,
      heads: [0, 3],
      positions: [1],
      cells: [differences(1, 1), null, differences(2, 2), differences(3, 3)],
    },
  ],
  notices: [],
};

const ablation: PatchResult = {
  ...result,
  experiment: {
    kind: 'patch',
    version: 1,
    model: 'tiny',
    pairs: [{ clean: [1, 2, 3] }, { clean: [1, 2, 3] }],
    ablation: { kind: 'zero' },
    sweeps: [{ component: 'mlp_output', window: 1, positions: 'all' }],
  },
  pairs: result.pairs.map(({ clean, answer, distractor }) => ({
    clean,
    answer,
    ...(distractor ? { distractor } : {}),
  })),
  direction: 'corrupt',
  corrupted: null,
};

test('a cell is the mean over pairs, with their spread, and lies between the means of the baselines', () => {
  const grid = patchGrid(result, 0, 'logitDifference');
  expect(grid.cells[0]?.[1]).toEqual({ mean: 1.5, sd: Math.SQRT2 });
  expect(grid.cells[1]?.[1]).toBeNull();
  const between = normalisedGrid(grid);
  // (value + 2) / (5 + 2)
  expect(between?.cells).toEqual([
    [
      { mean: 0, sd: Math.SQRT2 / 7 },
      { mean: 0.5, sd: Math.SQRT2 / 7 },
    ],
    [{ mean: 9 / 7, sd: Math.sqrt(8) / 7 }, null],
  ]);
  expect([between?.clean.mean, between?.corrupted.mean]).toEqual([1, 0]);
  expect(normalisedGrid(patchGrid(ablation, 0, 'logitDifference'))).toBeUndefined();
});

test('a logit difference is offered where every pair has a distractor', () => {
  expect(usualMetric(result)).toBe('logitDifference');
  const without = {
    ...result,
    pairs: result.pairs.map(({ clean, answer }, index) => ({
      clean,
      answer,
      ...(index === 0 ? { distractor: token(8, ' her') } : {}),
    })),
  };
  expect(patchMetrics(without)).not.toContain('logitDifference');
  expect(usualMetric(without)).toBe('probability');
});

test('the table has a line a computed cell, and says where it lies', () => {
  const lines = patchCsv(result)
    .trim()
    .split('\n')
    .map((line) => line.split(','));
  expect(lines).toHaveLength(1 + 2 + 6);
  const [head = []] = lines;
  const fields = (line: number) =>
    ['panel', 'layer', 'head', 'position', 'window_first', 'window_last', 'samples'].map(
      (name) => lines[line]?.[head.indexOf(name)],
    );
  expect(fields(1)).toEqual(['clean', '', '', '', '', '', '2']);
  expect(fields(5)).toEqual(['mlp_output', '1', '', '1', '1', '1', '2']);
  expect(fields(8)).toEqual(['head_query_output', '1', '3', '1', '0', '1', '2']);
  const value = (line: number, name: string) => Number(lines[line]?.[head.indexOf(name)]);
  expect(value(4, 'logit_difference_mean')).toBe(1.5);
  expect(value(4, 'logit_difference_normalised')).toBe(0.5);
  const bare = patchCsv(ablation).trim().split('\n');
  expect(bare).toHaveLength(1 + 1 + 6);
  expect(bare[1]?.split(',')[head.indexOf('logit_difference_normalised')]).toBe('');
});

test('a figure has layers down and is drawn between the baselines; heads at positions have one of their own', () => {
  const [positions, heads, ...more] = patchFigures(result);
  expect(more).toEqual([]);
  expect(positions).toMatchObject({
    title: 'Where a clean activation brings back the answer',
    orientation: 'layers-down',
    range: { start: -1, end: 1 },
    baselines: { clean: 1, corrupted: 0 },
    locations: {
      kind: 'position',
      tokens: [{ text: ' Mary…', isCorrupted: true }, { text: ' gave' }],
    },
    samples: 2,
  });
  expect(positions?.panels[0]?.values).toEqual([
    [0, 9 / 7],
    [0.5, undefined],
  ]);
  expect(heads?.panels.map(({ title, values }) => [title, values])).toEqual([
    ['Query, head 0', [[3 / 7, 4 / 7]]],
    ['Query, head 3', [[undefined, 5 / 7]]],
  ]);
  expect(patchFigures(result, { metric: 'divergence' })[0]?.panels[0]?.values[0]).toEqual([0.5, 0.5]);
});

test('an ablation is drawn about the clean run', () => {
  const [figure] = patchFigures(ablation);
  expect(figure).toMatchObject({ title: 'Where an ablation changes the answer', midpoint: 5 });
  expect(figure?.baselines).toBeUndefined();
  expect(figure?.panels[0]?.values[0]).toEqual([-2, 7]);
});

test('a result whose lists do not fit is refused', () => {
  expect(() => readPatchResult({ ...result, layerCount: 3 })).toThrow(
    'Every panel must have a cell for each layer and column',
  );
  expect(() => readPatchResult({ ...result, clean: differences(1) })).toThrow(
    'Each baseline must have a sample for each pair',
  );
  expect(() => readPatchResult({ ...result, version: 5 })).toThrow("This 'patch-result' has version 5");
});

test('the change from the run that cells start from is in percent of what that run has', () => {
  // From -2 of the corrupted run: -2, 1.5, 7.
  const [figure] = patchFigures(result, { scale: 'change' });
  expect(figure?.panels[0]?.values).toEqual([
    [0, 450],
    [175, undefined],
  ]);
  expect(figure?.metric.unit).toBe('%');
});
