import { expect, test } from 'vitest';
import { awkwardTrace, headMap, trace, unfinishedTrace } from './exampleFigures.ts';
import { heatmapCsv, heatmapJson, heatmapTable } from './table.ts';

/** RFC 4180, as written there: quoted fields hold anything, a quotation mark is doubled. */
function parseCsv(text: string): readonly (readonly string[])[] {
  const records: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    records.at(-1)?.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
    if (end === '\r\n') records.push([]);
  }
  return records.slice(0, -1);
}

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

test('CSV reads back to the same fields, whatever the tokens hold', () => {
  const records = parseCsv(heatmapCsv(awkwardTrace));
  expect(records).toHaveLength(1 + 9 * 12);
  expect(records.every((record) => record.length === records[0]?.length)).toBe(true);
  expect(records.slice(1).map((record) => record[2])).toEqual(
    heatmapTable(awkwardTrace).rows.map((row) => row[2]),
  );
  expect(Number(records[5]?.[5])).toBe(4 / 200);
});

test('a cell that is not computed is empty in CSV and null in JSON, unlike zero', () => {
  const description = {
    ...headMap,
    layers: [0, 1, 2],
    locations: { kind: 'head', heads: [0] },
    panels: [{ title: 'Heads', colours: 'puOr', values: [[0, undefined, Number.NEGATIVE_INFINITY]] }],
  } as const;
  expect(heatmapCsv(description).split('\r\n').slice(1, 4)).toEqual([
    'Heads,0,0,0',
    'Heads,0,1,',
    'Heads,0,2,-Infinity',
  ]);
  const { cells } = JSON.parse(heatmapJson(description));
  expect(cells.map(({ value }: { value: unknown }) => value)).toEqual([0, null, '-Infinity']);
});

test('JSON has a line for each cell and reads back', () => {
  const text = heatmapJson(unfinishedTrace);
  const parsed = JSON.parse(text);
  expect(parsed).toMatchObject({
    title: trace.title,
    baselines: { clean: 0.7, corrupted: 0.02 },
    samples: 10,
  });
  expect(parsed.cells).toHaveLength(216);
  expect(text.split('\n').filter((line) => line.startsWith('    {'))).toHaveLength(216);
});
