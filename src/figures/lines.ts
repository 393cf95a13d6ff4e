// Line charts: panels side by side over one horizontal axis, as for the curves of a training. Lines are told apart by
// labels at their ends, by dashes and by ink; a line among many is quiet, and the one in question stands out.

import { extent, max, sum } from 'd3';
import type { LayoutOptions } from './heatmap.ts';
import { cutText, textWidth, wrapText } from './lettering.ts';
import { horizontalAxis, isDrawn } from './linesAxes.ts';
import type { LineLook, LinesDescription, Point } from './linesDescription.ts';
import {
  isOnAxis,
  layoutLinesPanel,
  lineStroke,
  type MeasuredPanel,
  measureLinesPanel,
  titleLines,
  valueText,
} from './linesPanel.ts';
import type { Mark, TextMark } from './marks.ts';
import type { PlainFigure } from './plainFigure.ts';
import { type Theme, themes } from './theme.ts';

/** As of a heatmap; panels stand in a line if their plots stay readable, else below each other. */
export type LinesOptions = Pick<LayoutOptions, 'width' | 'theme' | 'showsTitle' | 'showsCaption' | 'padding'>;

const panelGap = 36;
const lineGap = 28;
const leastPlotWidth = 150;
const smallSize = 11;
const smallLine = 16;
const sampleWidth = 26;

/** Lay out panels in the order given: in a line as long as they have room, else in several. */
export function layoutLines(description: LinesDescription, options: LinesOptions): PlainFigure {
  const { panels, title, caption, legend = [] } = description;
  const { width, padding = 0, showsTitle = true, showsCaption = true } = options;
  const theme = themes[options.theme];
  const inner = width - 2 * padding;
  const marks: Mark[] = [];
  let y = padding;
  const write = (
    texts: readonly string[],
    step: number,
    look: Pick<TextMark, 'size' | 'weight' | 'fill'>,
  ) => {
    for (const text of texts) {
      marks.push({ kind: 'text', x: padding, y: y + look.size, runs: [{ text }], ...look });
      y += step;
    }
  };
  if (showsTitle) {
    write(wrapText(title, inner / 1.06, 15), 20, { size: 15, weight: 600, fill: theme.ink });
    y += 14;
  }

  const axis = horizontalAxis(description);
  const { perLine, plotWidth, columns } = arrange(
    panels.map((panel) => measureLinesPanel(panel, axis)),
    inner,
  );
  for (let first = 0; first < panels.length; first += perLine) {
    if (first > 0) y += lineGap;
    const row = columns.flatMap((column) => column[first / perLine] ?? []);
    const titleHeight = max(row, (measures) => titleLines(measures, plotWidth).height) ?? 0;
    let x = padding;
    let bottom = y;
    for (const measures of row) {
      const drawn = layoutLinesPanel(measures, { x, y, plotWidth, titleHeight, axis, theme });
      marks.push(...drawn.marks);
      x += measures.left + plotWidth + measures.right + panelGap;
      bottom = Math.max(bottom, drawn.bottom);
    }
    y = bottom;
  }

  if (legend.length > 0) {
    y += 16;
    const drawn = legendMarks(legend, { x: padding, y, width: inner }, theme);
    marks.push(...drawn.marks);
    y = drawn.bottom;
  }
  if (showsCaption && caption) {
    y += 18;
    write(wrapText(caption, inner, smallSize), smallLine, { size: smallSize, fill: theme.quietInk });
  }
  return {
    title,
    summary: [linesSummary(description), caption].filter(Boolean).join(' '),
    width,
    height: Math.ceil(y + padding),
    theme,
    marks,
  };
}

interface Arrangement {
  readonly perLine: number;
  readonly plotWidth: number;
  /** Panels below each other, with the same room beside their plots. */
  readonly columns: readonly (readonly MeasuredPanel[])[];
}

/** As many panels in a line as have room for their plots, in lines of equal length. */
function arrange(panels: readonly MeasuredPanel[], room: number): Arrangement {
  const inLinesOf = (perLine: number): Arrangement => {
    const columns = Array.from({ length: perLine }, (_, at) => {
      const column = panels.filter((__, index) => index % perLine === at);
      const [left, right] = [
        max(column, (panel) => panel.left) ?? 0,
        max(column, (panel) => panel.right) ?? 0,
      ];
      return column.map((panel) => ({ ...panel, left, right }));
    });
    const margins = sum(columns, ([panel]) => (panel ? panel.left + panel.right : 0));
    const plotWidth = Math.floor((room - margins - (perLine - 1) * panelGap) / perLine);
    return { perLine, plotWidth: Math.max(20, plotWidth), columns };
  };
  let perLine = Math.max(1, panels.length);
  while (perLine > 1 && (inLinesOf(perLine).plotWidth < leastPlotWidth || panels.length % perLine !== 0)) {
    perLine -= 1;
  }
  return inLinesOf(perLine);
}

/** A sample of each look with its name, in as many lines as they need. */
function legendMarks(
  legend: readonly LineLook[],
  room: { readonly x: number; readonly y: number; readonly width: number },
  theme: Theme,
): { readonly marks: readonly Mark[]; readonly bottom: number } {
  const marks: Mark[] = [];
  let { x, y } = room;
  for (const look of legend) {
    const text = cutText(
      look.name,
      Math.max(8, Math.floor((room.width - sampleWidth - 8) / (smallSize * 0.7))),
    );
    const width = sampleWidth + 8 + textWidth(text, smallSize);
    if (x > room.x && x + width > room.x + room.width) {
      x = room.x;
      y += smallLine;
    }
    marks.push(
      { kind: 'path', d: `M${x} ${y + 7.5}h${sampleWidth}`, ...lineStroke(look, theme) },
      { kind: 'text', x: x + sampleWidth + 8, y: y + 11, runs: [{ text }], size: smallSize, fill: theme.ink },
    );
    x += width + 24;
  }
  return { marks, bottom: y + smallLine };
}

/** Each panel with its lines' first and last values; the quiet ones together. */
function linesSummary({ panels, xTitle }: LinesDescription): string {
  const count = panels.length === 1 ? 'Line chart' : `${panels.length} line charts`;
  const sentences = panels.map((panel) => {
    const { title, yTitle, lines, references = [], digits = 2 } = panel;
    const text = (value: number): string => valueText(value, digits);
    const named = lines.filter(({ weight }) => weight !== 'quiet');
    const parts = named.map(({ name, points, spread = [] }) => {
      const drawn = points.filter(isDrawn);
      const [first, last] = [drawn[0], drawn.at(-1)];
      if (!first || !last) return `${name} has no values`;
      const at = (point: Point) => {
        const half = spread[points.indexOf(point)];
        return typeof half === 'number' ? `${text(point[1])} ± ${text(half)}` : text(point[1]);
      };
      const values = first === last ? at(last) : `from ${at(first)} to ${at(last)}`;
      const broken = points.length - drawn.length;
      const beyond = drawn.filter(([, y]) => !isOnAxis(panel, y)).length;
      const left = beyond > 0 ? `, ${beyond} values not above zero and not drawn` : '';
      return `${name} ${values}${broken > 0 ? `, ${broken} values NaN or infinite` : ''}${left}`;
    });
    const ends = lines
      .filter(({ weight }) => weight === 'quiet')
      .flatMap(({ points }) => points.filter(isDrawn).at(-1)?.[1] ?? []);
    const [low, high] = extent(ends);
    if (low !== undefined && high !== undefined) {
      const others = `${ends.length} ${named.length > 0 ? 'other ' : ''}${ends.length === 1 ? 'line ends' : 'lines end'}`;
      parts.push(
        low === high ? `${others} at ${text(low)}` : `${others} between ${text(low)} and ${text(high)}`,
      );
    }
    parts.push(...references.map(({ name, value }) => `${name} ${text(value)}`));
    return `${title}, ${yTitle}: ${parts.length > 0 ? parts.join('; ') : 'no values'}.`;
  });
  return [`${count} over ${xTitle}.`, ...sentences].join(' ');
}
