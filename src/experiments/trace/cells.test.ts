import { expect, test } from 'vitest';
import { describeArchitecture } from '../../architectures/registry.ts';
import { tinyConfigurations } from '../../runtime/tinyCheckpoint.ts';
import { batchCells, coarseToFine, orderCells, type TraceOutline, windowAround } from './cells.ts';

test("a window covers the layers that ROME's does", () => {
  // [max(0, l - w // 2), min(48, l - (-w // 2))] in Python, for l, w in the list.
  const expected = [
    [0, 10, 0, 5],
    [3, 10, 0, 8],
    [24, 10, 19, 29],
    [47, 10, 42, 48],
    [5, 1, 5, 6],
    [5, 3, 4, 7],
    [20, 200, 0, 48],
  ] as const;
  for (const [layer, width, from, to] of expected)
    expect(windowAround(layer, width, 48)).toMatchObject({ from, to });
  expect([4, 5, 43, 44].map((layer) => windowAround(layer, 10, 48).isCut)).toEqual([
    true,
    false,
    false,
    true,
  ]);
});

test('layers come from coarse to fine, each once', () => {
  expect(coarseToFine(12)).toEqual([0, 4, 8, 2, 6, 10, 1, 3, 5, 7, 9, 11]);
  for (const count of [1, 2, 3, 5, 30, 48])
    expect([...coarseToFine(count)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: count }, (_, i) => i),
    );
});

const outline: TraceOutline = {
  tokens: new Array(12).fill(1),
  subject: [2, 4],
  samples: 10,
  direction: 'restore',
  streams: [
    { component: 'block_output', window: 1 },
    { component: 'mlp_output', window: 10 },
  ],
  positions: Array.from({ length: 12 }, (_, i) => i),
};
const architecture = describeArchitecture({ ...tinyConfigurations.gpt2, n_layer: 24 }, new Set());

test('batches hold every cell that changes something once, in order, the first few rows only', () => {
  const batches = batchCells(outline, architecture);
  const cells = batches.flatMap((batch) => batch.cells);
  expect(cells).toEqual(orderCells(outline, 24).filter(({ position }) => position >= 2));
  expect(batches[0]?.cells.length).toBe(6);
  for (const { cells: some } of batches) expect(some.length * 10).toBeLessThanOrEqual(1024);
});

test('a model that is not causal has cells before the subject too', () => {
  const cells = batchCells(outline, { ...architecture, isCausal: false }).flatMap((batch) => batch.cells);
  expect(cells).toHaveLength(2 * 24 * 12);
});

test('long prompts make smaller batches', () => {
  const long = { ...outline, tokens: new Array(300).fill(1), positions: [2, 3] };
  for (const { cells } of batchCells(long, architecture))
    expect(cells.reduce((sum, { position }) => sum + (300 - position) * 10, 0)).toBeLessThanOrEqual(8192);
});
