import { expect, test } from 'vitest';
import { colourAt, contrast } from './colour.ts';
import { placeLabels } from './colourBar.ts';
import { colourRange } from './colourScale.ts';
import type { HeatmapDescription } from './description.ts';
import { headMap, trace, unfinishedTrace } from './exampleFigures.ts';
import { cellOf, cellUnder, layoutHeatmap } from './heatmap.ts';
import { textWidth } from './lettering.ts';
import { heatmapTable } from './table.ts';
import { themes } from './theme.ts';

const wide = { width: 1000, theme: 'light' } as const;
const firstPanel = (description: HeatmapDescription) => ({
  ...description,
  panels: description.panels.slice(0, 1),
});

test('three panels of twelve layers stand in a line of whole pixels', () => {
  const model = layoutHeatmap(trace, { ...wide, showsTitle: false });
  // The widest row label is `·Tower*`: 7 characters of 0.61 * 12 are 51.24, rounded up to 52, and a gap of 8.
  expect(model.panels[0]?.frame.x).toBe(60);
  // (1000 - 60 - 2 * 28 - 3) / 3 / 12 = 24.47, so cells are 24 wide and a panel 288, its last grid line left off.
  expect(model.panels.map(({ frame }) => [frame.x, frame.width])).toEqual([
    [60, 287],
    [60 + 288 + 28, 287],
    [60 + 2 * (288 + 28), 287],
  ]);
  expect(model.panels[0]?.frame.y).toBe(22);
  expect(model.panels[0]?.frame.height).toBe(6 * 20 - 1);
  expect(model.panels[1]?.cells[2]?.[3]?.rect).toEqual({
    x: 376 + 3 * 24,
    y: 22 + 2 * 20,
    width: 23,
    height: 19,
  });
});

test('panels stand below each other where they would become unreadable', () => {
  const model = layoutHeatmap(trace, { width: 390, theme: 'light' });
  expect(new Set(model.panels.map(({ frame }) => frame.x)).size).toBe(1);
  expect(model.panels.every(({ frame }) => frame.x + frame.width <= 390)).toBe(true);
  const tops = model.panels.map(({ frame }) => frame.y);
  expect(tops).toEqual(tops.toSorted((a, b) => a - b));
});

test('a cell that is not computed looks like no value, zero included', () => {
  const zero = { ...unfinishedTrace, range: { start: 0, end: 1 } };
  const model = layoutHeatmap(zero, wide);
  expect(cellOf(model, { panel: 2, location: 0, layer: 0 })).toMatchObject({
    state: 'waiting',
    fill: { definition: 'hatch' },
    summary: 'Attention, layer 0, token The, not computed yet, window cut to layers 0 to 1',
  });
  const computed = cellOf(model, { panel: 0, location: 0, layer: 0 });
  expect(computed?.fill).toMatch(/^#[0-9a-f]{6}$/);
});

test('a cell says what it is, its value, its share, its spread and its window', () => {
  const [mlp] = trace.panels.slice(1);
  if (!mlp) throw new Error('The example has an MLP panel.');
  const values = mlp.values.map((row) => row.map(() => 0.496));
  const described: HeatmapDescription = {
    ...trace,
    metric: { name: 'probability of “Paris”', shortName: 'probability', digits: 2 },
    panels: [{ ...mlp, values, standardDeviations: values.map((row) => row.map(() => 0.0412)) }],
  };
  const model = layoutHeatmap(described, wide);
  // (0.496 - 0.02) / (0.7 - 0.02) = 0.7; the window at layer 5 is whole, at layer 11 it is 9..11.
  expect(cellOf(model, { panel: 0, location: 2, layer: 5 })?.summary).toBe(
    'MLP, layer 5, token iffel (corrupted), probability 0.50, 70 percent recovered, standard deviation 0.04 over 10 samples',
  );
  expect(cellOf(model, { panel: 0, location: 2, layer: 11 })?.summary).toMatch(
    /, window cut to layers 9 to 11$/,
  );
});

test('the colour range runs from the corrupted run to the clean run or the strongest cell', () => {
  // The strongest cell is 0.02 + 0.74 in Attention.
  expect(colourRange(trace, 0)).toEqual({ start: 0.02, end: 0.76 });
  expect(colourRange({ ...trace, baselines: { clean: 0.9, corrupted: 0.02 } }, 0).end).toBe(0.9);
  const own = colourRange({ ...trace, sharing: 'panel' }, 1);
  expect(own.end).toBeCloseTo(0.32, 12);
  expect(colourRange({ ...trace, startsFrom: 'clean' }, 0)).toEqual({ start: 0.7, end: 0.02 });
});

test('with a metric of which less is better the range runs downwards and the best cell is darkest', () => {
  const ranks = firstPanel({
    ...trace,
    metric: { name: 'rank of “Paris”', digits: 0, isLogarithmic: true },
    baselines: { clean: 1, corrupted: 10_000 },
    panels: [{ title: 'MLP', colours: 'greens', values: [[10_000, 100, 1]] }],
    locations: { kind: 'position', tokens: [{ text: 'a' }] },
    layers: [0, 1, 2],
  });
  expect(colourRange(ranks, 0)).toEqual({ start: 10_000, end: 1 });
  const fills = layoutHeatmap(ranks, wide).panels[0]?.cells[0]?.map(({ fill }) => fill);
  expect(fills).toEqual([0, 0.5, 1].map((t) => colourAt('greens', 'light', t)));
});

test('a diverging range is symmetric about its midpoint', () => {
  const signed = { ...headMap, midpoint: 0.25 };
  const { range: _, ...free } = signed;
  // The farthest value is 1.3, 1.05 above the midpoint.
  expect(colourRange(free, 0)).toEqual({ start: 0.25 - 1.05, end: 0.25 + 1.05 });
});

test('an unfinished figure without baselines or values still has a range', () => {
  const { baselines: _, ...bare } = firstPanel(trace);
  const empty = { ...bare, panels: bare.panels.map((panel) => ({ ...panel, values: [] })) };
  expect(colourRange(empty, 0)).toEqual({ start: 0, end: 1 });
  expect(layoutHeatmap(empty, wide).summary).toContain('Residual state: not computed yet.');
});

test('values are printed where there is room for all of them, in readable ink', () => {
  const cells = layoutHeatmap(headMap, wide).panels[0]?.cells.flat() ?? [];
  // Cells are 56 wide: room for two decimals.
  expect(cells[0]?.text).toBe('0.00');
  expect(cells.find(({ value }) => value === 1.3)?.text).toBe('1.30');
  expect(layoutHeatmap(trace, wide).panels[0]?.cells[0]?.[0]?.text).toBeUndefined();
  for (const cell of cells) {
    for (const mark of cell.decorations) {
      if (mark.kind === 'text' && typeof cell.fill === 'string') {
        expect(contrast(mark.fill, cell.fill)).toBeGreaterThanOrEqual(4.5);
      }
    }
  }
});

test('a value beyond the range is clipped and marked; one within a hair of it is not', () => {
  const model = layoutHeatmap(headMap, wide);
  expect(cellOf(model, { panel: 0, location: 2, layer: 4 })).toMatchObject({
    clipped: 'end',
    fill: colourAt('puOr', 'light', 1),
  });
  const just = layoutHeatmap({ ...headMap, range: { start: -1, end: 1.29 } }, wide);
  expect(cellOf(just, { panel: 0, location: 2, layer: 4 })?.clipped).toBeUndefined();
});

test('layers are rows and heads are columns in the other orientation', () => {
  const model = layoutHeatmap(headMap, wide);
  const panel = model.panels[0];
  expect(panel?.rowHeaders.map(({ name }) => name)).toEqual([0, 1, 2, 3, 4, 5].map((n) => `layer ${n}`));
  expect(panel?.columnHeaders.map(({ name }) => name)).toEqual([0, 1, 2, 3].map((n) => `head ${n}`));
  expect(panel?.cells[4]?.[2]?.address).toEqual({ panel: 0, location: 2, layer: 4 });
});

test('ticks stand at every fifth layer where not all have room', () => {
  const layers = Array.from({ length: 30 }, (_, i) => i + 3);
  const model = layoutHeatmap({ ...trace, layers }, wide);
  const shown = model.panels[0]?.columnHeaders.filter(({ isShown }) => isShown).map(({ name }) => name);
  expect(shown).toEqual([5, 10, 15, 20, 25, 30].map((n) => `layer ${n}`));
});

test('a point finds its cell, also on a grid line, and none outside', () => {
  const model = layoutHeatmap(trace, wide);
  const { x, y, width, height } = model.panels[1]?.cells[2]?.[3]?.rect ?? { x: 0, y: 0, width: 0, height: 0 };
  const address = { panel: 1, location: 2, layer: 3 };
  expect(cellUnder(model, x, y)).toEqual(address);
  expect(cellUnder(model, x + width + 0.5, y + height + 0.5)).toEqual(address);
  expect(cellUnder(model, x + width + 1, y)).toEqual({ ...address, layer: 4 });
  expect(cellUnder(model, 5, y)).toBeUndefined();
});

test('labels of a colour bar never overlap, wherever the baselines lie', () => {
  for (let step = 0; step <= 40; step += 1) {
    for (const width of [120, 200, 300]) {
      const placed = placeLabels(
        [
          { text: 'corrupted 0.015', isBaseline: true, x: 10 },
          { text: 'clean 0.702', isBaseline: true, x: 10 + (width * step) / 40 },
          { text: '0.787', isBaseline: false, x: 10 + width },
        ],
        10,
        10 + width,
      );
      const boxes = placed.map(({ text, left, line }) => ({ line, left, right: left + textWidth(text, 11) }));
      for (const [i, a] of boxes.entries()) {
        expect(a.left).toBeGreaterThanOrEqual(10);
        expect(a.right).toBeLessThanOrEqual(10 + width + 0.1);
        for (const b of boxes.slice(i + 1)) {
          expect(a.line !== b.line || a.right < b.left || b.right < a.left).toBe(true);
        }
      }
    }
  }
});

test('pinned cells carry their letters, and a pin outside the figure is left out', () => {
  const pins = [
    { letter: 'A', panel: 1, location: 2, layer: 3 },
    { letter: 'B', panel: 1, location: 2, layer: 99 },
  ] as const;
  const model = layoutHeatmap({ ...trace, pins }, wide);
  expect(model.pins.map(({ pin }) => pin.letter)).toEqual(['A']);
});

test('a pin’s letter covers no printed value, its own or a neighbour’s', () => {
  const pins = [{ letter: 'A', panel: 0, location: 1, layer: 1 }] as const;
  const values = trace.panels[0]?.values.map((row) => row.map(() => 0.25)) ?? [];
  const panels = trace.panels.slice(0, 1).map((panel) => ({ ...panel, values }));
  const model = layoutHeatmap({ ...trace, panels, pins }, { ...wide, width: 1600 });
  const badge = model.pins[0]?.marks.find((mark) => mark.kind === 'rect' && mark.fill !== 'none');
  if (badge?.kind !== 'rect') throw new Error('A pin has a badge.');
  const printed = model.panels.flatMap(({ cells }) =>
    cells
      .flat()
      .flatMap(({ decorations }) => decorations.flatMap((mark) => (mark.kind === 'text' ? [mark] : []))),
  );
  expect(printed.length).toBeGreaterThan(0);
  for (const { x, y, runs, size } of printed) {
    const half = textWidth(runs.map(({ text }) => text).join(''), size) / 2;
    const isApart =
      x + half <= badge.x ||
      x - half >= badge.x + badge.width ||
      y <= badge.y ||
      y - size * 0.72 >= badge.y + badge.height;
    expect(isApart).toBe(true);
  }
});

test('the colour bar of a diverging map ends where the metric does', () => {
  const [first] = trace.panels;
  if (!first) throw new Error('The example has a panel.');
  const panel = { ...first, colours: 'puOr', values: [[0.02, 0.4, 0.9]] } as const;
  const described = {
    ...trace,
    layers: [0, 1, 2],
    panels: [panel],
    midpoint: 0.3,
    baselines: { clean: 0.9, corrupted: 0.3 },
  } as const;
  const texts = (metric: typeof trace.metric) =>
    layoutHeatmap({ ...described, metric }, wide).panels[0]?.marks.flatMap((mark) =>
      mark.kind === 'text' ? mark.runs.map(({ text }) => text) : [],
    );
  expect(texts({ name: 'difference' })).toContain('−0.300');
  expect(texts({ name: 'probability', minimum: 0 })).toContain('0.000');
  expect(texts({ name: 'probability', minimum: 0 })).not.toContain('−0.300');
});

test('a metric whose name is longer than the figure is wide is named in several lines, the colour bar below them', () => {
  const name = 'normalised logit difference of “George” and “Daniel” (0 as corrupted, 1 as clean)';
  const laid = (width: number) => {
    const model = layoutHeatmap({ ...firstPanel(trace), metric: { name, digits: 2 } }, { ...wide, width });
    const texts = model.panels.flatMap(({ marks }) => marks).filter((mark) => mark.kind === 'text');
    const lines = texts.filter(
      ({ runs }) => name.includes(runs[0]?.text ?? '') && (runs[0]?.text ?? '').length > 9,
    );
    return { model, lines };
  };
  const { model, lines } = laid(340);
  expect(lines.length).toBeGreaterThan(1);
  expect(lines.map(({ runs }) => runs[0]?.text).join(' ')).toBe(name);
  for (const { x, runs } of lines) expect(x + textWidth(runs[0]?.text ?? '', 11)).toBeLessThanOrEqual(340);
  const lowest = Math.max(...lines.map(({ y }) => y));
  const bars = model.panels[0]?.marks.filter(
    (mark) =>
      mark.kind === 'rect' && typeof mark.fill === 'object' && mark.fill.definition.startsWith('ramp'),
  );
  expect(bars?.map((bar) => bar.kind === 'rect' && bar.y > lowest)).toEqual([true]);
  expect(laid(1200).lines).toHaveLength(1);
});

test('a figure without tokens or layers has a size and no cells', () => {
  for (const empty of [
    { ...trace, layers: [], panels: trace.panels.map((panel) => ({ ...panel, values: [] })) },
    { ...trace, locations: { kind: 'position', tokens: [] }, panels: [] },
    { ...trace, locations: { kind: 'position', tokens: [] } },
  ] as const) {
    const model = layoutHeatmap(empty, wide);
    expect(model.height).toBeGreaterThan(0);
    expect(model.panels.flatMap(({ cells }) => cells.flat())).toEqual([]);
    expect(model.panels.every(({ frame }) => frame.width >= 0 && frame.height >= 0)).toBe(true);
  }
});

test('a value clipped at the pale end is marked as quietly as one within it is printed', () => {
  const [first] = trace.panels;
  if (!first) throw new Error('The example has a panel.');
  const values = [[-5, 0.02, 0.7]];
  const cells = layoutHeatmap({ ...trace, layers: [0, 1, 2], panels: [{ ...first, values }] }, wide).panels[0]
    ?.cells[0];
  expect(
    cells?.map(({ decorations }) => decorations.map((mark) => ('fill' in mark ? mark.fill : null))),
  ).toEqual([[themes.light.quietInk, themes.light.quietInk], [themes.light.quietInk], ['#ffffff']]);
});

test('infinities lie beyond the ends of the range, whichever way it runs', () => {
  const [first] = trace.panels;
  if (!first) throw new Error('The example has a panel.');
  const values = [[Number.NEGATIVE_INFINITY, 0.5, Number.POSITIVE_INFINITY]];
  const clipped = (range: { start: number; end: number }) =>
    layoutHeatmap(
      { ...trace, layers: [0, 1, 2], range, panels: [{ ...first, values }] },
      wide,
    ).panels[0]?.cells[0]?.map((cell) => cell.clipped);
  expect(clipped({ start: 0, end: 1 })).toEqual(['start', undefined, 'end']);
  expect(clipped({ start: 1, end: 0 })).toEqual(['end', undefined, 'start']);
});

test('named positions are words: shown whole, read aloud as places, and written to tables', () => {
  const named: HeatmapDescription = {
    title: 'Where a variable lies',
    panels: [
      {
        title: 'Test IIA',
        colours: 'viridis',
        values: [
          [0.5, 1],
          [undefined, undefined],
        ],
      },
    ],
    locations: { kind: 'named', names: ['end of subject', 'position 3'] },
    layers: [4, 5],
    metric: { name: 'accuracy', digits: 2 },
  };
  const model = layoutHeatmap(named, wide);
  const headers = model.panels[0]?.rowHeaders ?? [];
  // A space is a space, not the mark of one in a token, and nothing is monospaced.
  expect(headers.map(({ mark, isShown, name }) => [mark.runs, mark.family, isShown, name])).toEqual([
    [[{ text: 'end of subject' }], undefined, true, 'at end of subject'],
    [[{ text: 'position 3' }], undefined, true, 'at position 3'],
  ]);
  // The widest name and a gap of 8; no name may begin left of the figure.
  expect(model.panels[0]?.frame.x).toBe(Math.ceil(textWidth('end of subject', 12)) + 8);
  expect(model.summary).toBe(
    'Heatmap of accuracy, 2 positions by 2 layers. Test IIA: strongest at layer 5, at end of subject, 1.00. 2 cells of it are not computed yet.',
  );
  const { columns, rows } = heatmapTable(named);
  expect(columns.map(({ header }) => header)).toEqual(['panel', 'position', 'layer', 'accuracy']);
  expect(rows[0]).toEqual(['Test IIA', 'end of subject', 4, 0.5]);
  // Below each other's columns they stand upright where the columns are narrow.
  const across = layoutHeatmap({ ...named, orientation: 'layers-down' }, wide).panels[0]?.columnHeaders;
  expect(across?.map(({ mark, isShown }) => [mark.isUpright, isShown])).toEqual([
    [true, true],
    [true, true],
  ]);
});
