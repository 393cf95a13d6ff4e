// Figures for the tests: small, made of formulas, and with the tokens that break careless code.

import type { HeatmapDescription, HeatmapPanel, Token } from './description.ts';

const layersOf = (count: number): readonly number[] => Array.from({ length: count }, (_, layer) => layer);

/** ROME's window: `below` layers before the centre, the rest of `size` from it on, cut at the first and last layer. */
const windowsOf = (count: number, size: number): readonly (readonly [number, number])[] =>
  layersOf(count).map((layer) => [
    Math.max(0, layer - Math.floor(size / 2)),
    Math.min(count, layer + Math.ceil(size / 2)) - 1,
  ]);

const tokens: readonly Token[] = [
  { text: 'The' },
  { text: ' E', isCorrupted: true },
  { text: 'iffel', isCorrupted: true },
  { text: ' Tower', isCorrupted: true },
  { text: ' is' },
  { text: ' in' },
];

const bump = (location: number, layer: number, at: readonly [number, number], reach: number): number =>
  Math.exp(-((location - at[0]) ** 2) * 2 - ((layer - at[1]) / reach) ** 2);

const panel = (
  description: Omit<HeatmapPanel, 'values'>,
  value: (location: number, layer: number) => number | undefined,
): HeatmapPanel => ({
  ...description,
  values: tokens.map((_, location) => layersOf(12).map((layer) => value(location, layer))),
});

/** Three streams of a causal trace over twelve layers. */
export const trace: HeatmapDescription = {
  title: 'Where restoring one state brings back “Paris”',
  caption: 'Example model. “The Eiffel Tower is in”. Noise of 3 standard deviations, 10 samples, seed 1.',
  panels: [
    panel(
      { title: 'Residual state', icon: 'residual', colours: 'purples' },
      (location, layer) =>
        0.02 + 0.4 * bump(location, layer, [2, 2], 4) + 0.6 * bump(location, layer, [5, 11], 4),
    ),
    panel(
      { title: 'MLP', icon: 'mlp', colours: 'greens', windowSize: 4, windows: windowsOf(12, 4) },
      (location, layer) => 0.02 + 0.3 * bump(location, layer, [2, 3], 3),
    ),
    panel(
      { title: 'Attention', icon: 'attention', colours: 'reds', windowSize: 4, windows: windowsOf(12, 4) },
      (location, layer) => 0.02 + 0.74 * bump(location, layer, [5, 8], 2),
    ),
  ],
  locations: { kind: 'position', tokens },
  layers: layersOf(12),
  metric: { name: 'probability of “Paris”', shortName: 'probability' },
  baselines: { clean: 0.7, corrupted: 0.02 },
  samples: 10,
};

/** The same while it is being computed: whole, half and nothing yet. */
export const unfinishedTrace: HeatmapDescription = {
  ...trace,
  panels: trace.panels.map((each, index) => ({
    ...each,
    values: each.values.map((row) => row.map((value, layer) => (layer % 2 < 2 - index ? value : undefined))),
  })),
};

/** Layers by heads, signed, with values printed in the cells, one beyond the range and one that is NaN. */
export const headMap: HeatmapDescription = {
  title: 'Logit difference restored by one head',
  panels: [
    {
      title: 'Heads',
      colours: 'puOr',
      axisTitle: 'output of one head',
      values: Array.from({ length: 4 }, (_, head) =>
        layersOf(6).map((layer) => {
          if (head === 3 && layer === 0) return Number.NaN;
          return head === 2 && layer === 4 ? 1.3 : Math.sin(head * 2 + layer) * 0.4;
        }),
      ),
    },
  ],
  locations: { kind: 'head', heads: [0, 1, 2, 3] },
  layers: layersOf(6),
  orientation: 'layers-down',
  metric: { name: 'normalised logit difference', digits: 2 },
  range: { start: -1, end: 1 },
};

/** Tokens with markup, a quotation mark, an emoji of several characters, right-to-left text, a line feed, a control character. */
export const awkwardTokens: readonly Token[] = [
  { text: '<b>' },
  { text: ' &' },
  { text: ' "\'' },
  { text: ' 👩🏽‍🚀' },
  { text: ' שלום', isCorrupted: true },
  { text: '\n' },
  { text: '\u0000' },
  { text: '\ud800' },
  { text: ' internationalisation' },
];

export const awkwardTrace: HeatmapDescription = {
  ...trace,
  title: 'Tokens <like> & "these"',
  locations: { kind: 'position', tokens: awkwardTokens },
  panels: [
    {
      title: 'A & B',
      colours: 'viridis',
      values: awkwardTokens.map((_, location) => layersOf(12).map((layer) => (location * 12 + layer) / 200)),
    },
  ],
};
