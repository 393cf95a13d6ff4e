// From a value to a colour: which range a panel's colours span, and which cells fall outside it.

import { extent } from 'd3';
import { colourAt, isDiverging } from './colour.ts';
import type { ColourRange, HeatmapDescription } from './description.ts';
import type { ThemeName } from './theme.ts';

export type ClippedEnd = 'start' | 'end';

export interface ColourScale {
  readonly range: ColourRange;
  /** Where a value lies on the colour bar: 0 at its start, 1 at its end, beyond them if clipped. */
  readonly place: (value: number) => number;
  readonly colour: (value: number) => string;
  /** The end that a value lies beyond. A difference too small to be seen as colour is not reported. */
  readonly clippedEnd: (value: number) => ClippedEnd | undefined;
}

/** A share of the bar so small that a reader takes its shades for one. */
const visibleStep = 0.03;

/** The colour scale of one panel. */
export function colourScale(description: HeatmapDescription, panel: number, theme: ThemeName): ColourScale {
  const range = colourRange(description, panel);
  const onScale = description.metric.isLogarithmic ? Math.log : (value: number): number => value;
  const start = onScale(range.start);
  const span = onScale(range.end) - start;
  const map = description.panels[panel]?.colours ?? 'viridis';
  const place = (value: number): number => {
    const t = (onScale(value) - start) / span;
    return Number.isFinite(t) ? t : (value === Number.POSITIVE_INFINITY) === span > 0 ? 1.5 : -0.5;
  };
  return {
    range,
    place,
    colour: (value) => colourAt(map, theme, place(value)),
    clippedEnd: (value) => {
      const t = place(value);
      if (t < -visibleStep) return 'start';
      return t > 1 + visibleStep ? 'end' : undefined;
    },
  };
}

/** The range of a panel's colours, as `HeatmapDescription.range` says. Never empty. */
export function colourRange(description: HeatmapDescription, panel: number): ColourRange {
  const { panels, baselines, startsFrom = 'corrupted', sharing = 'shared', midpoint = 0 } = description;
  if (description.range) return notEmpty(description.range);
  const own = panels[panel];
  const sharers = sharing === 'shared' ? panels : own ? [own] : [];
  const values = sharers.flatMap((each) => each.values.flat()).filter(isDrawable(description));
  const [low = 0, high = 0] = extent(values);
  if (own && isDiverging(own.colours)) {
    const ends = [...(values.length > 0 ? [low, high] : []), ...Object.values(baselines ?? {})];
    const reach = Math.max(0, ...ends.map((value) => Math.abs(value - midpoint))) || 1;
    return { start: midpoint - reach, end: midpoint + reach };
  }
  if (!baselines) return notEmpty(values.length > 0 ? { start: low, end: high } : { start: 0, end: 1 });
  const start = baselines[startsFrom];
  const other = baselines[startsFrom === 'clean' ? 'corrupted' : 'clean'];
  const strongest = values.length === 0 ? other : other >= start ? high : low;
  const goesBeyond = other >= start ? strongest > start : strongest < start;
  if (sharing === 'panel' && goesBeyond) return { start, end: strongest };
  const end = other >= start ? Math.max(other, strongest) : Math.min(other, strongest);
  return notEmpty({ start, end });
}

const isDrawable =
  (description: HeatmapDescription) =>
  (value: number | undefined): value is number =>
    value !== undefined && Number.isFinite(value) && !(description.metric.isLogarithmic && value <= 0);

function notEmpty(range: ColourRange): ColourRange {
  if (range.start !== range.end) return range;
  return { start: range.start, end: range.start + (Math.abs(range.start) || 1) };
}
