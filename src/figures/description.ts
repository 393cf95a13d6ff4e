// What a heatmap shows, as plain data. Nothing here knows of pixels, models or engines: an experiment fills this in, and
// `layoutHeatmap` turns it into a drawing, `heatmapTable` into numbers.

import type { ColourMap } from './colour.ts';

/**
 * A heatmap: one or more panels over the same layers and the same locations, coloured by one metric.
 *
 * The panels share their axes, so one cursor can point at the same cell in all of them.
 */
export interface HeatmapDescription {
  /** What the figure shows, as a sentence without a full stop: `Where restoring one state brings back “Paris”`. */
  readonly title: string;
  /** Model, prompt, corruption, samples, seed, window: all that a reader needs to repeat the figure. */
  readonly caption?: string;
  readonly panels: readonly HeatmapPanel[];
  readonly locations: Locations;
  /** The layers' own numbers, in order; a sweep over a part of the model need not start at 0. */
  readonly layers: readonly number[];
  /** What these numbers are of; default `layer`. */
  readonly layerWord?: string;
  readonly metric: Metric;
  /** The metric of the two runs that the cells lie between. Drawn on the colour bar. */
  readonly baselines?: Baselines;
  /** Other levels that cells are compared with, drawn on the colour bar as the baselines are. */
  readonly references?: readonly { readonly name: string; readonly value: number }[];
  /** A cell that is being computed: its outline moves on the screen, and an export shows nothing of it. */
  readonly active?: CellAddress;
  /**
   * Which run a cell without any effect looks like: `corrupted` (the default) when clean states are restored into the
   * corrupted run, `clean` when corrupted states are put into the clean run. The pale end of a sequential map is there.
   */
  readonly startsFrom?: 'clean' | 'corrupted';
  /**
   * `tokens-down` (the default) has a row for each location and a column for each layer, as in ROME; `layers-down` has a
   * row for each layer and a column for each location, as in TransformerLens and in maps of heads.
   */
  readonly orientation?: Orientation;
  /**
   * `shared` (the default) gives all panels one colour range, so that a shade means the same everywhere; `panel` gives
   * each panel its own, which shows detail in a weak panel.
   */
  readonly sharing?: 'shared' | 'panel';
  /**
   * A fixed colour range, for figures that are compared with others. By default it runs from the baseline that cells
   * start from to the other baseline or the strongest cell, whichever is farther; on a diverging map it is symmetric
   * about `midpoint`. Values outside are clipped and marked.
   */
  readonly range?: ColourRange;
  /** The value that a diverging map leaves neutral. 0 by default. */
  readonly midpoint?: number;
  /** How many runs a cell's value is the mean of. Spoken, and written with the numbers. */
  readonly samples?: number;
  /** Cells to letter in the figure, at most four. See `togglePin`. */
  readonly pins?: readonly Pin[];
}

export type Orientation = 'tokens-down' | 'layers-down';

export interface HeatmapPanel {
  /** The stream's name: `MLP`. Panels are told apart by title and icon; colour only helps. */
  readonly title: string;
  /** A small drawing beside the title. */
  readonly icon?: 'residual' | 'mlp' | 'attention';
  /** `purples`, `greens`, `reds` are ROME's hues of residual state, MLP and attention; `puOr`, `rdBu` are for signed metrics. */
  readonly colours: ColourMap;
  /**
   * The metric, `values[location][layer]`. `undefined` is a cell not computed yet and is hatched; it never looks like a
   * value. NaN is drawn as a cross; infinities are clipped.
   */
  readonly values: readonly (readonly (number | undefined)[])[];
  /** Standard deviation over the samples, laid out as `values`. */
  readonly standardDeviations?: readonly (readonly (number | undefined)[])[];
  /** How many layers are restored together around the layer of a cell. 1 by default. */
  readonly windowSize?: number;
  /**
   * The first and last layer that the window at each layer covers, laid out as `layers`. Where it is shorter than
   * `windowSize`, the edge of the model cuts it, and the layer is marked.
   */
  readonly windows?: readonly (readonly [first: number, last: number])[];
  /** What a layer stands for, under the axis. By default `single restored layer` or `centre of 10 restored layers`. */
  readonly axisTitle?: string;
}

/** The axis beside the layers: positions of a prompt, attention heads, or positions that have names of their own. */
export type Locations =
  | { readonly kind: 'position'; readonly tokens: readonly Token[] }
  | { readonly kind: 'head'; readonly heads: readonly number[] }
  /** Where prompts differ, a position is known by what stands there: `last`, `name`. Names are words, not tokens. */
  | { readonly kind: 'named'; readonly names: readonly string[] };

export interface Token {
  /** As the tokenizer decodes it, the leading space included: it is made visible here. */
  readonly text: string;
  /** Starred, as in ROME. */
  readonly isCorrupted?: boolean;
}

export interface Metric {
  /** Lower case, as in a sentence: `probability of “Paris”`. */
  readonly name: string;
  /** One word for lists of numbers read aloud: `probability`. By default the name. */
  readonly shortName?: string;
  /** Written after the name, in parentheses: `nats`. */
  readonly unit?: string;
  /** Decimal places. 3 by default. */
  readonly digits?: number;
  /** What it cannot be below: a probability of less than 0 is on no colour bar. */
  readonly minimum?: number;
  /** Colour steps are equal ratios, not equal differences: for ranks. Values must be above zero. */
  readonly isLogarithmic?: boolean;
}

export interface Baselines {
  readonly clean: number;
  readonly corrupted: number;
}

/** May run downwards: with the rank of the answer, less is better, and `end` is the smaller. */
export interface ColourRange {
  /** The value at the pale end (the first colour of a diverging map). */
  readonly start: number;
  readonly end: number;
}

/** A cell, by index in `panels`, `locations` and `layers`: the same cell in either orientation. */
export interface CellAddress {
  readonly panel: number;
  readonly location: number;
  readonly layer: number;
}

export interface Pin extends CellAddress {
  readonly letter: PinLetter;
}

export type PinLetter = 'A' | 'B' | 'C' | 'D';

export const isSameCell = (a: CellAddress | undefined, b: CellAddress | undefined): boolean =>
  a?.panel === b?.panel && a?.location === b?.location && a?.layer === b?.layer;

export function locationCount(locations: Locations): number {
  switch (locations.kind) {
    case 'position':
      return locations.tokens.length;
    case 'head':
      return locations.heads.length;
    case 'named':
      return locations.names.length;
    default:
      return locations satisfies never;
  }
}

/** The value of a cell, `undefined` while it is not computed. */
export function valueAt(description: HeatmapDescription, cell: CellAddress): number | undefined {
  return description.panels[cell.panel]?.values[cell.location]?.[cell.layer];
}
