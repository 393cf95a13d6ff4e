import { expect, test } from 'vitest';
import { awkwardTrace, headMap, trace } from './exampleFigures.ts';
import { heatmapTable } from './table.ts';

test('a table has a row for each cell, in the order of panels, locations and layers', () => {
  const { columns, rows } = heatmapTable(trace);
  expect(columns.map(({ header }) => header)).toEqual([
    'panel',
    'position',
    'token',
    'corrupted',
    'layer',
    'first restored layer',
    'last restored layer',
    'probability of “Paris”',
    'fraction recovered',
  ]);
  expect(rows).toHaveLength(3 * 6 * 12);
  const row = rows[72 + 2 * 12 + 3];
  expect(row?.slice(0, 7)).toEqual(['MLP', 2, 'iffel', true, 3, 1, 4]);
  // 0.02 + 0.3 at the peak; 0.3 / 0.68 of the way.
  expect(row?.[7]).toBeCloseTo(0.32, 12);
  expect(row?.[8]).toBeCloseTo(0.441176, 6);
});

test('the header of the metric carries its unit', () => {
  const { columns } = heatmapTable({ ...headMap, metric: { name: 'logit difference', unit: 'nats' } });
  expect(columns.map(({ header }) => header)).toEqual(['panel', 'head', 'layer', 'logit difference (nats)']);
});

test('a cell that is not computed has no value, unlike zero', () => {
  const { rows } = heatmapTable({
    ...headMap,
    layers: [0, 1, 2],
    locations: { kind: 'head', heads: [0] },
    panels: [{ title: 'Heads', colours: 'puOr', values: [[0, undefined, Number.NEGATIVE_INFINITY]] }],
  });
  expect(rows).toEqual([
    ['Heads', 0, 0, 0],
    ['Heads', 0, 1, undefined],
    ['Heads', 0, 2, Number.NEGATIVE_INFINITY],
  ]);
});

test('tokens stand in a table as the tokenizer gives them', () => {
  const { rows } = heatmapTable(awkwardTrace);
  const { locations } = awkwardTrace;
  const tokens = locations.kind === 'position' ? locations.tokens.map(({ text }) => text) : [];
  expect(rows).toHaveLength(9 * 12);
  expect(rows.filter((row) => row[4] === 0).map((row) => row[2])).toEqual(tokens);
  expect(rows[4]?.[5]).toBe(4 / 200);
});
