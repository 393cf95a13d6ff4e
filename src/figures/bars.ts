// Horizontal bars: the top predictions of a cell, the strongest heads. Labels to the left, numbers in a column to the
// right, aligned on the decimal point.

import { extent } from 'd3';
import type { Metric } from './description.ts';
import { textWidth } from './lettering.ts';
import type { Mark } from './marks.ts';
import { formatMetric, metricLabel } from './metric.ts';
import type { PlainFigure } from './plainFigure.ts';
import { type ThemeName, themes } from './theme.ts';
import { spokenToken, tokenLabel } from './tokenLabel.ts';

export interface BarsDescription {
  /** `What the model says now` */
  readonly title: string;
  readonly bars: readonly Bar[];
  readonly metric: Metric;
  /**
   * The values at the two ends of the room for bars. By default 0 and the largest value, and the smallest if it is
   * negative; give it where several figures are compared.
   */
  readonly range?: readonly [low: number, high: number];
}

export interface Bar {
  /** A token as the tokenizer decodes it, its spaces included, or the name of a site such as `L9H6`. */
  readonly label: string;
  readonly value: number;
  /** Drawn in the accent: the answer among the predictions. */
  readonly isMarked?: boolean;
}

export interface BarsOptions {
  readonly width: number;
  readonly theme: ThemeName;
  /** Draw the title above the bars. True by default. */
  readonly showsTitle?: boolean;
  readonly padding?: number;
}

const rowHeight = 24;
const barHeight = 10;
const fontSize = 12;
const gap = 12;

/** Lay out bars in the order given. Labels are cut at 16 characters. */
export function layoutBars(description: BarsDescription, options: BarsOptions): PlainFigure {
  const { bars, metric, title } = description;
  const { width, padding = 0, showsTitle = true } = options;
  const theme = themes[options.theme];
  const labels = bars.map(({ label }) => tokenLabel(label, false, 16));
  const numbers = bars.map(({ value }) => formatMetric(metric, value));
  const widest = (texts: readonly string[]): number =>
    Math.ceil(Math.max(0, ...texts.map((text) => textWidth(text, fontSize, 'mono'))));
  const left = padding + widest(labels) + gap;
  const right = width - padding - widest(numbers) - gap;
  const [low, high] = description.range ?? barRange(bars);
  const at = (value: number): number => {
    const share = (Math.min(high, Math.max(low, value)) - low) / (high - low);
    return left + share * Math.max(0, right - left);
  };

  const top = padding + (showsTitle ? 28 : 0);
  const marks: Mark[] = [];
  if (showsTitle) {
    const y = padding + 13;
    marks.push({
      kind: 'text',
      x: padding,
      y,
      runs: [{ text: title }],
      size: 13,
      weight: 600,
      fill: theme.ink,
    });
  }
  for (const [index, { value, isMarked }] of bars.entries()) {
    const middle = top + (index + 0.5) * rowHeight;
    const text = {
      kind: 'text',
      y: middle + fontSize * 0.36,
      size: fontSize,
      family: 'mono',
      fill: theme.ink,
    } as const;
    marks.push({ ...text, x: padding, runs: [{ text: labels[index] ?? '' }] });
    if (Number.isFinite(value)) {
      const [from, to] = [Math.min(at(0), at(value)), Math.max(at(0), at(value))];
      marks.push({
        kind: 'rect',
        x: from,
        y: middle - barHeight / 2,
        // A value that is not zero leaves a trace, however small.
        width: value === 0 ? 0 : Math.max(1, to - from),
        height: barHeight,
        radius: 2,
        fill: isMarked ? theme.accent : theme.quietInk,
      });
    }
    marks.push({ ...text, x: width - padding, runs: [{ text: numbers[index] ?? '' }], anchor: 'end' });
  }
  const bottom = top + bars.length * rowHeight;
  const zero = Math.round(at(0)) - 0.5;
  marks.push({ kind: 'path', d: `M${zero} ${top}V${bottom}`, stroke: theme.frame, strokeWidth: 1 });
  const spoken = bars.map(({ label }, index) => `${spokenToken(label)} ${numbers[index]}`);
  return {
    title,
    summary: `${metricLabel(metric)}: ${spoken.join(', ')}.`,
    width,
    height: bottom + padding,
    theme,
    marks,
  };
}

function barRange(bars: readonly Bar[]): readonly [number, number] {
  const [low = 0, high = 0] = extent(bars.map(({ value }) => value).filter(Number.isFinite));
  const range = [Math.min(0, low), Math.max(0, high)] as const;
  return range[0] === range[1] ? [0, 1] : range;
}
