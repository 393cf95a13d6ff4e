// The axes of a line chart: what they cover and where their ticks are. The horizontal one is that of all panels, a count from
// 0 or a measure of either sign; each panel has a vertical one of its own.

import { extent, max, scaleLinear, scaleLog } from 'd3';
import type { LinesDescription, LinesPanel, Point } from './linesDescription.ts';

export interface Tick {
  readonly value: number;
  readonly text: string;
}

export interface HorizontalAxis {
  readonly title: string;
  readonly domain: readonly [low: number, high: number];
  readonly isCounted: boolean;
}

/** Whether a point has a place: what is NaN or infinite breaks a line. */
export const isDrawn = ([x, y]: Point): boolean => Number.isFinite(x) && Number.isFinite(y);

export function horizontalAxis({ panels, xTitle, xKind = 'count' }: LinesDescription): HorizontalAxis {
  const title = xTitle;
  const allPoints = panels.flatMap(({ lines }) => lines.map(({ points }) => points));
  if (xKind === 'count') {
    const most = max(allPoints, (points) => max(points, ([x]) => x)) ?? 0;
    return { title, domain: [0, Number.isFinite(most) && most > 0 ? most : 1], isCounted: true };
  }
  const ends = allPoints.flatMap((points) => extent(points.filter(isDrawn), ([x]) => x));
  const [low = 0, high = 0] = extent([0, ...ends.filter((x) => x !== undefined)]);
  return { title, domain: low === high ? [0, 1] : [low, high], isCounted: false };
}

export function axisTicks({ domain, isCounted }: HorizontalAxis, width: number): readonly Tick[] {
  const scale = scaleLinear(domain, [0, width]);
  const count = Math.max(1, Math.min(6, Math.floor(width / 50)));
  if (isCounted)
    return (
      scale
        .ticks(count)
        // What is counted has nothing between two.
        .filter(Number.isInteger)
        .map((value) => ({ value, text: value.toLocaleString('en') }))
    );
  const format = scale.tickFormat(count);
  return scale.ticks(count).map((value) => ({ value, text: format(value) }));
}

/** All that a panel's vertical axis has to hold. */
export function valuesToCover(panel: LinesPanel): readonly number[] {
  const { lines, references = [], isLogarithmic = false, least = Number.NEGATIVE_INFINITY } = panel;
  const range = isLogarithmic ? [] : (panel.range ?? [0, 0]);
  return [
    ...range,
    ...references.map(({ value }) => value),
    // A line may have more points than a call can have arguments.
    ...lines.flatMap(({ points }) => extent(points.filter(isDrawn), ([, y]) => y)),
    ...lines.flatMap(({ points, spread = [] }) => {
      const ends = points.flatMap((point, at) => {
        const half = spread[at];
        return isDrawn(point) && typeof half === 'number'
          ? [Math.max(least, point[1] - half), point[1] + half]
          : [];
      });
      return extent(ends.filter((value) => !isLogarithmic || value > 0));
    }),
  ].filter((value): value is number => value !== undefined && Number.isFinite(value));
}

/** The ends of a vertical axis and its ticks, about five. */
export function axisOver(
  values: readonly number[],
  isLogarithmic: boolean,
): { readonly domain: readonly [low: number, high: number]; readonly ticks: readonly Tick[] } {
  const none = isLogarithmic ? 1 : 0;
  const [low = none, high = none] = extent(values);
  if (isLogarithmic) {
    const scale = scaleLog(low === high ? [low / 10, low * 10] : [low, high], [0, 1]).nice();
    const [start = 1, end = 10] = scale.domain();
    const powers = Math.round(Math.log10(end / start));
    const every = Math.ceil(powers / 6);
    const ticks = Array.from({ length: Math.floor(powers / every) + 1 }, (_, at) => {
      // As it is written: a product of tenths is not.
      const power = Math.round(Math.log10(start)) + at * every;
      const value = Number(`1e${power}`);
      return { value, text: power > 4 || power < -3 ? `1e${power}`.replace('-', '−') : String(value) };
    });
    return { domain: [start, end], ticks };
  }
  const scale = scaleLinear(low === high ? [low, low + 1] : [low, high], [0, 1]).nice(5);
  const [start = 0, end = 1] = scale.domain();
  const reach = Math.max(Math.abs(start), Math.abs(end));
  const format = scale.tickFormat(5, reach >= 1e5 || reach < 1e-3 ? '~e' : undefined);
  return { domain: [start, end], ticks: scale.ticks(5).map((value) => ({ value, text: format(value) })) };
}
