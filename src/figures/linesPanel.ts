// One panel of a line chart: title, axes, lines, levels to compare with, and the labels beside the ends of lines, which
// are moved apart until none covers another.

import { area, line as lineShape, scaleLinear, scaleLog } from 'd3';
import { cutText, textWidth, wrapText } from './lettering.ts';
import { axisOver, axisTicks, type HorizontalAxis, isDrawn, type Tick, valuesToCover } from './linesAxes.ts';
import type { Dash, Line, LineLook, LinesPanel, Point } from './linesDescription.ts';
import { coordinate, type Mark, type PathMark, type TextMark } from './marks.ts';
import { formatValue } from './metric.ts';
import type { Theme } from './theme.ts';

/** A panel before it has a place: its axis, and the room that it needs on both sides of the plot. */
export interface MeasuredPanel {
  readonly panel: LinesPanel;
  readonly domain: readonly [low: number, high: number];
  readonly ticks: readonly Tick[];
  readonly labels: readonly EndLabel[];
  readonly left: number;
  readonly right: number;
}

/** Text beside the point where a line ends, or beside a level. */
interface EndLabel {
  readonly text: string;
  readonly point: Point;
  /** The line's look; undefined for a level. */
  readonly look: LineLook | undefined;
}

export interface PanelPlace {
  /** Left edge of the panel, top of its title. */
  readonly x: number;
  readonly y: number;
  readonly plotWidth: number;
  /** Of the highest title in the line of panels: plots stand level. */
  readonly titleHeight: number;
  readonly axis: HorizontalAxis;
  readonly theme: Theme;
}

const titleSize = 13;
const textSize = 11;
const labelLine = 14;
const labelGap = 10;
const tickGap = 8;
const leastPlotHeight = 200;
const longestLabel = 32;
/** Half of the widest number under the axis may stick out where there are no labels. */
const leastMargin = 20;

/** A value with fixed decimals, or with a power of ten where those would be many digits. */
export const valueText = (value: number, digits: number): string =>
  Math.abs(value) >= 1e5 && Number.isFinite(value)
    ? value.toExponential(1).replace('-', '−')
    : formatValue(value, digits);

/** Whether a value has a place on a panel's axis. */
export const isOnAxis = ({ isLogarithmic = false }: LinesPanel, value: number): boolean =>
  !isLogarithmic || value > 0;

/** A panel without what has no place on its axis. */
function placeable(panel: LinesPanel): LinesPanel {
  if (!panel.isLogarithmic) return panel;
  const lines = panel.lines.map((line) => ({
    ...line,
    points: line.points.map(([x, y]): Point => [x, isOnAxis(panel, y) ? y : Number.NaN]),
  }));
  const references = (panel.references ?? []).filter(({ value }) => isOnAxis(panel, value));
  return { ...panel, lines, references };
}

export function measureLinesPanel(
  given: LinesPanel,
  { domain: [, xEnd] }: Pick<HorizontalAxis, 'domain'>,
): MeasuredPanel {
  const panel = placeable(given);
  const { lines, references = [], isLogarithmic = false, digits = 2 } = panel;
  const { domain, ticks } = axisOver(valuesToCover(panel), isLogarithmic);
  const label = (name: string, value: number): string =>
    `${cutText(name, longestLabel)} ${valueText(value, digits)}`;
  const labels: readonly EndLabel[] = [
    ...lines.flatMap((line): readonly EndLabel[] => {
      const point = line.points.filter(isDrawn).at(-1);
      return line.isLabelled && point ? [{ text: label(line.name, point[1]), point, look: line }] : [];
    }),
    ...references.flatMap(({ name, value }): readonly EndLabel[] =>
      Number.isFinite(value) ? [{ text: label(name, value), point: [xEnd, value], look: undefined }] : [],
    ),
  ];
  const widest = (texts: readonly string[]): number =>
    Math.ceil(Math.max(0, ...texts.map((text) => textWidth(text, textSize))));
  return {
    panel,
    domain,
    ticks,
    labels,
    left: widest(ticks.map(({ text }) => text)) + tickGap,
    // Labels of strong lines are bold.
    right:
      labels.length > 0 ? Math.ceil(1.06 * widest(labels.map(({ text }) => text))) + labelGap : leastMargin,
  };
}

/** The title and the name of the vertical axis as lines of text, and the height of both with the gap under them. */
export function titleLines({ panel, left, right }: MeasuredPanel, plotWidth: number) {
  const width = left + plotWidth + right;
  const title = wrapText(panel.title, width / 1.06, titleSize);
  const axis = wrapText(panel.yTitle, width, textSize);
  return { title, axis, height: title.length * 18 + axis.length * 15 + 12 };
}

type Scale = (value: number) => number;

export function layoutLinesPanel(
  measures: MeasuredPanel,
  place: PanelPlace,
): { readonly marks: readonly Mark[]; readonly bottom: number } {
  const { panel, domain, ticks, labels, left } = measures;
  const { x, y, plotWidth, titleHeight, axis: xAxis, theme } = place;
  const { title, axis, height } = titleLines(measures, plotWidth);
  const plotHeight = Math.max(leastPlotHeight, labels.length * labelLine);
  const plotLeft = x + left;
  const plotRight = plotLeft + plotWidth;
  const top = y + titleHeight;
  const bottom = top + plotHeight;
  const xScale = scaleLinear(xAxis.domain, [plotLeft, plotRight]);
  const yScale: Scale = (panel.isLogarithmic ? scaleLog : scaleLinear)(domain, [bottom, top]);
  const small = (
    text: string,
    at: number,
    baseline: number,
    anchor: TextMark['anchor'] = 'start',
  ): TextMark => ({
    kind: 'text',
    x: at,
    y: baseline,
    runs: [{ text }],
    size: textSize,
    fill: theme.quietInk,
    anchor,
  });

  const titleTop = y + titleHeight - height;
  const marks: Mark[] = title.map((text, index) => ({
    ...small(text, x, titleTop + 13 + index * 18),
    size: titleSize,
    weight: 600,
    fill: theme.ink,
  }));
  axis.forEach((text, index) => {
    marks.push(small(text, x, titleTop + title.length * 18 + 11 + index * 15));
  });
  for (const { value, text } of ticks) {
    const at = yScale(value);
    const isBase = value === domain[0] || value === 0;
    marks.push(
      {
        kind: 'path',
        d: `M${plotLeft} ${sharp(at)}H${plotRight}`,
        stroke: isBase ? theme.frame : theme.grid,
        strokeWidth: 1,
      },
      small(text, plotLeft - tickGap, at + textSize * 0.34, 'end'),
    );
  }
  for (const { value, text } of axisTicks(xAxis, plotWidth)) {
    const at = xScale(value);
    // Where values of both signs stand beside each other.
    const isMiddle = value === 0 && xAxis.domain[0] < 0;
    marks.push(
      {
        kind: 'path',
        d: isMiddle ? `M${sharp(at)} ${top}V${bottom + 4}` : `M${sharp(at)} ${bottom}v4`,
        stroke: theme.frame,
        strokeWidth: 1,
      },
      small(text, at, bottom + 16, 'middle'),
    );
  }
  marks.push(small(xAxis.title, plotLeft + plotWidth / 2, bottom + 32, 'middle'));

  for (const { value } of panel.references ?? []) {
    if (!Number.isFinite(value)) continue;
    const d = `M${plotLeft} ${coordinate(yScale(value))}H${plotRight}`;
    marks.push({ kind: 'path', d, stroke: theme.quietInk, strokeWidth: 1, dash: '1 3' });
  }
  for (const line of panel.lines) marks.push(...bandMarks(line, xScale, yScale, domain, theme));
  for (const weight of ['quiet', 'thin', 'strong'] as const) {
    for (const line of panel.lines) {
      if ((line.weight ?? 'strong') === weight) marks.push(...lineMarks(line, xScale, yScale, theme));
    }
  }
  if (!panel.lines.some(({ points }) => points.some(isDrawn))) {
    const words = small('no values yet', plotLeft + plotWidth / 2, top + plotHeight / 2, 'middle');
    const width = textWidth('no values yet', textSize) + 8;
    // Over a line of the grid or a level it could not be read.
    marks.push(
      { kind: 'rect', x: words.x - width / 2, y: words.y - 12, width, height: 16, fill: theme.paper },
      words,
    );
  }
  marks.push(...labelMarks(labels, { xScale, yScale, top, bottom, plotRight, theme }));
  return { marks, bottom: bottom + 36 };
}

/** Lines of one pixel lie between pixels. */
const sharp = (at: number): number => Math.round(at) - 0.5;

const dashes: Readonly<Record<Dash, string | undefined>> = {
  solid: undefined,
  dashed: '7 3',
  dotted: '2 2.5',
  'dash-dotted': '8 3 2 3',
};

const widths = { strong: 2, thin: 1, quiet: 1 } as const;

/** How a line of a look is stroked, in a plot and in a legend. */
export function lineStroke(
  { weight = 'strong', ink = 0, dash = 'solid' }: LineLook,
  theme: Theme,
): Required<Pick<PathMark, 'stroke' | 'strokeWidth'>> & Pick<PathMark, 'dash'> {
  const pattern = dashes[dash];
  return {
    stroke: weight === 'quiet' ? theme.quietLine : theme.lines[ink],
    strokeWidth: widths[weight],
    ...(pattern === undefined ? {} : { dash: pattern }),
  };
}

/** What lies within the spread of a line's points, of those that have one; on the axis, as far as it goes. */
function bandMarks(
  line: Line,
  xScale: Scale,
  yScale: Scale,
  [least, most]: MeasuredPanel['domain'],
  theme: Theme,
): readonly Mark[] {
  const { points, spread } = line;
  if (spread === undefined) return [];
  const within = (value: number): number => yScale(Math.min(most, Math.max(least, value)));
  const d = area<{ readonly point: Point; readonly half: number }>()
    .defined(({ point, half }) => isDrawn(point) && Number.isFinite(half))
    .x(({ point }) => xScale(point[0]))
    .y0(({ point, half }) => within(point[1] - half))
    .y1(({ point, half }) => within(point[1] + half))
    .digits(2)(points.map((point, at) => ({ point, half: spread[at] ?? Number.NaN })));
  return d ? [{ kind: 'path', d, fill: lineStroke(line, theme).stroke, fillOpacity: bandOpacity }] : [];
}

/** Two bands may lie over each other, and the lines stay the darkest. */
const bandOpacity = 0.14;

function lineMarks(line: Line, xScale: Scale, yScale: Scale, theme: Theme): readonly Mark[] {
  const { points, hasDots = false, weight = 'strong', dash = 'solid' } = line;
  const stroke = lineStroke(line, theme);
  const at = ([x, y]: Point): Point => [xScale(x), yScale(y)];
  const d = lineShape<Point>()
    .defined(isDrawn)
    .x((point) => at(point)[0])
    .y((point) => at(point)[1])
    .digits(2)(points);
  const isAlone = (index: number): boolean =>
    [points[index - 1], points[index + 1]].every((other) => !other || !isDrawn(other));
  const dotted = points.filter((point, index) => isDrawn(point) && (hasDots || isAlone(index))).map(at);
  const radius = weight === 'strong' ? 2.75 : 1.75;
  const circles = dotted.map(
    ([x, y]) =>
      `M${coordinate(x - radius)} ${coordinate(y)}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0Z`,
  );
  const dots: PathMark = {
    kind: 'path',
    d: circles.join(''),
    stroke: stroke.stroke,
    strokeWidth: 1.25,
    // Hollow where the line is broken: two lines that meet in a point stay two.
    fill: dash === 'solid' ? stroke.stroke : theme.paper,
  };
  return [...(d ? [{ kind: 'path', d, ...stroke } as const] : []), ...(circles.length > 0 ? [dots] : [])];
}

interface LabelRoom {
  readonly xScale: Scale;
  readonly yScale: Scale;
  readonly top: number;
  readonly bottom: number;
  readonly plotRight: number;
  readonly theme: Theme;
}

/** Labels to the right of the plot, each as near to the height of its point as the others allow. */
function labelMarks(labels: readonly EndLabel[], room: LabelRoom): readonly Mark[] {
  const { xScale, yScale, top, bottom, plotRight, theme } = room;
  const ordered = labels
    .map((label) => ({ ...label, wanted: yScale(label.point[1]) }))
    .toSorted((a, b) => a.wanted - b.wanted);
  const middles = spread(
    ordered.map(({ wanted }) => wanted),
    top,
    bottom,
  );
  return ordered.flatMap(({ text, point, look, wanted }, index): readonly Mark[] => {
    const middle = middles[index] ?? wanted;
    const end = xScale(point[0]);
    const isAway = Math.abs(middle - wanted) > 3 || end < plotRight - 1;
    const leader: Mark = {
      kind: 'path',
      d: `M${coordinate(end + 4)} ${coordinate(wanted)}L${coordinate(Math.max(end + 4, plotRight + 1))} ${coordinate(wanted)}L${plotRight + labelGap - 2} ${coordinate(middle)}`,
      stroke: theme.frame,
      strokeWidth: 0.75,
    };
    return [
      ...(isAway ? [leader] : []),
      {
        kind: 'text',
        x: plotRight + labelGap,
        y: middle + textSize * 0.34,
        runs: [{ text }],
        size: textSize,
        fill: look && look.weight !== 'quiet' ? lineStroke(look, theme).stroke : theme.quietInk,
        ...(look && (look.weight ?? 'strong') === 'strong' ? { weight: 600 } : {}),
      },
    ];
  });
}

/** Heights in order, a line of text apart and between two edges: down where they are crowded, then up from the bottom. */
function spread(wanted: readonly number[], top: number, bottom: number): readonly number[] {
  const places: number[] = [];
  for (const height of wanted) {
    places.push(Math.max(height, (places.at(-1) ?? top - labelLine) + labelLine));
  }
  let limit = bottom;
  for (let index = places.length - 1; index >= 0; index -= 1) {
    limit = Math.min(places[index] ?? limit, limit);
    places[index] = limit;
    limit -= labelLine;
  }
  return places;
}
