import { expect, test } from 'vitest';
import { describeArchitecture } from '../../architectures/registry.ts';
import { tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { batchCells, orderCells, type TraceOutline } from './cells.ts';

const outline: TraceOutline = {
  tokens: new Array(12).fill(1),
  watched: 11,
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
