// A line chart as data: panels of lines, each a list of points.

export interface LinesDescription {
  /** As a sentence without a full stop. */
  readonly title: string;
  readonly caption?: string;
  /** What the panels share: `steps`, `strength (raw)`. */
  readonly xTitle: string;
  /**
   * `count`, the default: from 0, with ticks at whole numbers. `measure`: over 0 and what the points cover, to either side, with
   * decimals.
   */
  readonly xKind?: 'count' | 'measure';
  readonly panels: readonly LinesPanel[];
  /** What lines without a label are, by their look. */
  readonly legend?: readonly LineLook[];
}

export interface LinesPanel {
  /** `Loss` */
  readonly title: string;
  /** The vertical axis with its unit: `mean of each epoch (nats)`. */
  readonly yTitle: string;
  readonly lines: readonly Line[];
  /** Values that the axis covers at least. By default 0; what lies beyond widens it. */
  readonly range?: readonly [low: number, high: number];
  /** No value is less: a spread is drawn no further down. */
  readonly least?: number;
  /**
   * Equal steps of the vertical axis are equal ratios, and the axis begins at the least value above zero, whatever `range`
   * says; what is not above zero has no place on it and breaks the line. False by default.
   */
  readonly isLogarithmic?: boolean;
  /** Decimal places of the values in labels and in the summary. 2 by default. */
  readonly digits?: number;
  /** Levels to compare with, drawn dotted over the whole width. */
  readonly references?: readonly Reference[];
}

export interface LineLook {
  readonly name: string;
  /** `strong` by default; `thin` keeps its ink, `quiet` is grey as well. */
  readonly weight?: 'strong' | 'thin' | 'quiet';
  /** Which of the theme's four inks. The first by default. */
  readonly ink?: 0 | 1 | 2 | 3;
  /** `solid` by default. */
  readonly dash?: Dash;
}

export type Dash = 'solid' | 'dashed' | 'dotted' | 'dash-dotted';

export interface Line extends LineLook {
  /** In the order of x. A value that is NaN or infinite breaks the line. */
  readonly points: readonly Point[];
  /**
   * How far values spread about each point, in their unit and in the order of the points: drawn as a band about the line. Null
   * where a point has none.
   */
  readonly spread?: readonly (number | null)[];
  /** Write name and last value beside the end of the line. False by default. */
  readonly isLabelled?: boolean;
  /** Draw each point too: where few were measured. A point without neighbours is drawn in any case. */
  readonly hasDots?: boolean;
}

export type Point = readonly [x: number, y: number];

export interface Reference {
  readonly name: string;
  readonly value: number;
}
