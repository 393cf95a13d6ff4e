// The colour bar of a panel: the ramp, a tick and a label for each baseline, the ends of the range, and arrow heads where
// values lie beyond them. Labels are moved apart until none covers another.

import { colourAt } from './colour.ts';
import type { ColourScale } from './colourScale.ts';
import type { HeatmapDescription } from './description.ts';
import { textWidth } from './lettering.ts';
import type { Mark, Rect } from './marks.ts';
import { formatMetric } from './metric.ts';
import type { Theme } from './theme.ts';

export interface Gradient {
  readonly name: string;
  readonly stops: readonly string[];
}

export interface ColourBar {
  readonly gradient: Gradient;
  readonly marks: readonly Mark[];
  /** From the top of the bar to the bottom of the lowest label. */
  readonly height: number;
}

const barHeight = 8;
const lineHeight = 14;
const fontSize = 11;
const labelGap = 10;
const arrowWidth = 7;
const stopCount = 25;

interface BarLabel {
  readonly text: string;
  readonly isBaseline: boolean;
  /** Where on the bar it belongs; its place is as near to this as its neighbours allow. */
  readonly x: number;
}

export interface PlacedLabel extends BarLabel {
  readonly line: number;
  /** Left edge. */
  readonly left: number;
}

export interface ColourBarOptions {
  readonly description: HeatmapDescription;
  readonly panel: number;
  readonly scale: ColourScale;
  readonly theme: Theme;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

export function layoutColourBar(options: ColourBarOptions): ColourBar {
  const { description, panel, scale, theme, y } = options;
  const source = description.panels[panel];
  const clipped = new Set(
    (source?.values.flat() ?? []).map((value) =>
      value === undefined || Number.isNaN(value) ? undefined : scale.clippedEnd(value),
    ),
  );
  const left = options.x + (clipped.has('start') ? arrowWidth : 0);
  const right = options.x + options.width - (clipped.has('end') ? arrowWidth : 0);
  const bar: Rect = { x: left, y, width: right - left, height: barHeight };
  const name = `ramp-${panel}`;
  const map = source?.colours ?? 'viridis';
  const from = firstPlace(options);
  const stops = Array.from({ length: stopCount }, (_, i) =>
    colourAt(map, theme.name, from + ((1 - from) * i) / (stopCount - 1)),
  );
  const marks: Mark[] = [
    { kind: 'rect', ...bar, fill: { definition: name }, stroke: theme.frame, strokeWidth: 1 },
  ];
  const middle = y + barHeight / 2;
  const head = (tip: number, base: number, fill: string): Mark => ({
    kind: 'path',
    d: `M${tip} ${middle}L${base} ${y}V${y + barHeight}Z`,
    fill,
    stroke: theme.quietInk,
    strokeWidth: 1,
  });
  if (clipped.has('start')) marks.push(head(options.x, left, stops[0] ?? theme.ink));
  if (clipped.has('end')) marks.push(head(options.x + options.width, right, stops.at(-1) ?? theme.ink));

  const labels = barLabels(options, bar);
  for (const label of labels) {
    if (!label.isBaseline || !label.isOnBar) continue;
    const x = Math.round(label.x * 2) / 2;
    marks.push({
      kind: 'path',
      d: `M${x} ${y - 3}V${y + barHeight + 3}`,
      stroke: theme.paper,
      strokeWidth: 3.5,
    });
    marks.push({
      kind: 'path',
      d: `M${x} ${y - 3}V${y + barHeight + 3}`,
      stroke: theme.ink,
      strokeWidth: 1.5,
    });
  }
  const placed = placeLabels(labels, options.x, options.x + options.width);
  for (const label of placed) {
    marks.push({
      kind: 'text',
      x: label.left,
      y: y + barHeight + 3 + fontSize + label.line * lineHeight,
      runs: [{ text: label.text }],
      size: fontSize,
      fill: label.isBaseline ? theme.ink : theme.quietInk,
    });
  }
  const lines = Math.max(0, ...placed.map(({ line }) => line + 1));
  return { gradient: { name, stops }, marks, height: barHeight + 4 + lines * lineHeight };
}

/** Where the bar begins on the scale: a diverging range is symmetric, and may reach below what the metric can be. */
function firstPlace({ description: { metric }, scale }: ColourBarOptions): number {
  if (metric.minimum === undefined || scale.range.start >= metric.minimum) return 0;
  return Math.min(0.5, Math.max(0, scale.place(metric.minimum)));
}

function barLabels(
  options: ColourBarOptions,
  bar: Rect,
): readonly (BarLabel & { readonly isOnBar: boolean })[] {
  const { description, scale } = options;
  const { metric, baselines, references = [] } = description;
  const from = firstPlace(options);
  const at = (t: number): number =>
    bar.x + (Math.min(1, Math.max(from, t)) - from) * (bar.width / (1 - from));
  const levels = [
    ...(baselines ? (['corrupted', 'clean'] as const).map((name) => ({ name, value: baselines[name] })) : []),
    ...references,
  ];
  const known = levels.map(({ name, value }) => {
    const t = scale.place(value);
    const isOnBar = t > -0.001 && t < 1.001;
    const text = `${name} ${formatMetric(metric, value)}`;
    return {
      text: isOnBar ? text : t < 0 ? `← ${text}` : `${text} →`,
      isBaseline: true,
      isOnBar,
      x: at(t),
    };
  });
  const ends = (['start', 'end'] as const)
    .map((end) => ({
      text: formatMetric(metric, end === 'start' && from > 0 ? (metric.minimum ?? 0) : scale.range[end]),
      isBaseline: false,
      isOnBar: true,
      x: at(end === 'start' ? from : 1),
    }))
    // An end that is a baseline is labelled already.
    .filter(
      (end) =>
        !known.some((label) => label.isOnBar && label.text.endsWith(` ${end.text}`) && near(label.x, end.x)),
    );
  return [...known, ...ends];
}

const near = (a: number, b: number): boolean => Math.abs(a - b) < 4;

/**
 * Put labels under the bar, centred on their places as far as they fit, in order and apart. One line if they fit on it;
 * otherwise the baselines take a line, and the ends the next; otherwise each has its own.
 */
export function placeLabels(
  labels: readonly BarLabel[],
  left: number,
  right: number,
): readonly PlacedLabel[] {
  const room = right - left;
  const need = (some: readonly BarLabel[]): number =>
    some.reduce((sum, label) => sum + textWidth(label.text, fontSize), 0) + labelGap * (some.length - 1);
  const baselines = labels.filter((label) => label.isBaseline);
  const ends = labels.filter((label) => !label.isBaseline);
  const lines =
    need(labels) <= room
      ? [labels]
      : [...(need(baselines) <= room ? [baselines] : baselines.map((label) => [label])), ends];
  return lines
    .filter((line) => line.length > 0)
    .flatMap((line, index) => placeLine(line, left, right).map((label) => ({ ...label, line: index })));
}

function placeLine(
  labels: readonly BarLabel[],
  left: number,
  right: number,
): readonly (BarLabel & { readonly left: number })[] {
  const ordered = labels.toSorted((a, b) => a.x - b.x || Number(a.isBaseline) - Number(b.isBaseline));
  const placed: { label: BarLabel; left: number; width: number }[] = [];
  let edge = left;
  for (const label of ordered) {
    const width = textWidth(label.text, fontSize);
    const start = Math.max(edge, label.x - width / 2);
    placed.push({ label, left: start, width });
    edge = start + width + labelGap;
  }
  let limit = right;
  for (const entry of placed.toReversed()) {
    entry.left = Math.max(left, Math.min(entry.left, limit - entry.width));
    limit = entry.left - labelGap;
  }
  return placed.map(({ label, left: start }) => ({ ...label, left: Math.round(start * 10) / 10 }));
}
