// One panel of a heatmap: title and icon, frame, cells, the axis under it, its colour bar and their legends.

import { type AxisLabels, columnAxis, type Header, rowHeaders, tickSize } from './axes.ts';
import { cutWindow, waitingCells } from './cellSummary.ts';
import { type CellGrid, type CellModel, layoutCells } from './cells.ts';
import { colourAt } from './colour.ts';
import type { Gradient } from './colourBar.ts';
import { layoutColourBar } from './colourBar.ts';
import { colourScale } from './colourScale.ts';
import type { HeatmapDescription, HeatmapPanel } from './description.ts';
import { textWidth } from './lettering.ts';
import type { Mark, Rect, TextMark } from './marks.ts';
import type { Theme } from './theme.ts';

export interface PanelModel {
  readonly title: string;
  /** The area of the cells. */
  readonly frame: Rect;
  readonly grid: CellGrid;
  /** By row, then column, as drawn. */
  readonly cells: readonly (readonly CellModel[])[];
  readonly rowHeaders: readonly Header[];
  readonly columnHeaders: readonly Header[];
  /** Of the icon and the title together. */
  readonly titleWidth: number;
  /** Where the screen writes the value under the cursor: the right end of the title's line. */
  readonly readout: TextMark;
  readonly marks: readonly Mark[];
  readonly gradient: Gradient | undefined;
  readonly bottom: number;
}

export interface PanelOptions {
  readonly description: HeatmapDescription;
  readonly index: number;
  readonly theme: Theme;
  /** Left edge of the cells, top of the title. */
  readonly x: number;
  readonly y: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly rows: AxisLabels;
  readonly columns: AxisLabels;
  /** The first panel of a line names the rows and the metric for its neighbours. */
  readonly isFirst: boolean;
  readonly hasColourBar: boolean;
  /** The metric's name over the colour bar, in as many lines as the figure's width asks for. */
  readonly metricLines: readonly string[];
}

export const titleHeight = 22;
const titleSize = 13;
export const smallSize = 11;
const metricLineHeight = 14;
const iconIndent = 16;

export function layoutPanel(options: PanelOptions): PanelModel {
  const { description, index, theme, x, y, cellWidth, cellHeight, rows, columns } = options;
  const panel = description.panels[index];
  const isLayersDown = description.orientation === 'layers-down';
  const gridLine = cellWidth >= 5 ? 1 : 0;
  const top = y + titleHeight;
  const grid: CellGrid = {
    x,
    y: top,
    width: cellWidth,
    height: cellHeight,
    rows: rows.texts.length,
    columns: columns.texts.length,
    gridLine,
  };
  const frame: Rect = {
    x,
    y: top,
    width: Math.max(0, grid.columns * cellWidth - gridLine),
    height: Math.max(0, grid.rows * cellHeight - gridLine),
  };
  const scale = colourScale(description, index, theme.name);
  const right = frame.x + frame.width;
  const bottom = frame.y + frame.height;
  const axis = columnAxis(columns, { left: x, top: bottom, columnWidth: cellWidth }, theme);
  const small = (text: string, at: number, line: number): TextMark => ({
    kind: 'text',
    x: at,
    y: line,
    runs: [{ text }],
    size: smallSize,
    fill: theme.quietInk,
  });

  const marks: Mark[] = [
    ...heading(panel, x, y + 13, theme),
    // The grid is the ground that shows between the cells.
    { kind: 'rect', ...frame, fill: theme.grid },
    {
      kind: 'rect',
      x: frame.x - 0.5,
      y: frame.y - 0.5,
      width: frame.width + 1,
      height: frame.height + 1,
      fill: 'none',
      stroke: theme.frame,
      strokeWidth: 1,
    },
  ];
  if (isLayersDown && options.isFirst) {
    marks.push({ ...small('layer', x - 8, y + 13), anchor: 'end' });
  }

  const titleLine = bottom + axis.height + 11;
  const axisTitle = axisTitleOf(panel);
  const underAxis = !isLayersDown
    ? axisTitle
    : description.locations.kind === 'head'
      ? `head; ${axisTitle}`
      : axisTitle;
  marks.push(small(underAxis, x, titleLine));
  const cut = cutMarks(panel, description, grid, isLayersDown, theme);
  marks.push(...cut);
  if (cut.length > 0) {
    const room = frame.width - textWidth(underAxis, smallSize) - 10;
    const legend = ['cut by the edge', 'cut'].find((text) => textWidth(text, smallSize) + 20 <= room);
    if (legend !== undefined) {
      const width = textWidth(legend, smallSize) + 20;
      marks.push({ kind: 'path', ...cutStroke(theme), d: `M${right - width} ${titleLine - 3.5}h14` });
      marks.push({ ...small(legend, right, titleLine), anchor: 'end' });
    }
  }

  let end = titleLine + 4;
  let gradient: Gradient | undefined;
  if (options.hasColourBar) {
    const metricLine = end + 22;
    const { metricLines } = options;
    if (options.isFirst)
      metricLines.forEach((text, line) => {
        marks.push({ ...small(text, x, metricLine + line * metricLineHeight), fill: theme.ink });
      });
    const [label = ''] = metricLines;
    const barTop = metricLine + Math.max(0, metricLines.length - 1) * metricLineHeight + 8;
    if (waitingCells(description, index) > 0) {
      const legend = 'not computed';
      const width = textWidth(legend, smallSize) + 20;
      if ((options.isFirst ? textWidth(label, smallSize) + 12 : 0) + width <= frame.width) {
        const swatch: Rect = { x: right - width, y: metricLine - 8.5, width: 14, height: 9 };
        marks.push({
          kind: 'rect',
          ...swatch,
          fill: { definition: 'hatch' },
          stroke: theme.frame,
          strokeWidth: 1,
        });
        marks.push({ ...small(legend, right, metricLine), anchor: 'end' });
      }
    }
    const bar = layoutColourBar({
      description,
      panel: index,
      scale,
      theme,
      x,
      y: barTop,
      width: frame.width,
    });
    marks.push(...bar.marks);
    gradient = bar.gradient;
    end = barTop + bar.height;
  }

  return {
    title: panel?.title ?? '',
    titleWidth: panel ? titleWidth(panel) : 0,
    frame,
    grid,
    cells: layoutCells(description, index, grid, scale, theme),
    rowHeaders: rowHeaders(rows, { edge: x, top, rowHeight: cellHeight, isShown: options.isFirst }, theme),
    columnHeaders: axis.headers,
    readout: { ...small('', right, y + 13), size: tickSize, fill: theme.ink, family: 'mono', anchor: 'end' },
    marks,
    gradient,
    bottom: end,
  };
}

/** In a narrower panel the title would meet the value under the cursor, or the name of the axis the next panel. */
export function leastPanelWidth(panel: HeatmapPanel): number {
  return Math.max(titleWidth(panel) + 44, textWidth(axisTitleOf(panel), smallSize));
}

const titleWidth = (panel: HeatmapPanel): number =>
  textWidth(panel.title, titleSize) * 1.06 + (panel.icon ? iconIndent : 0);

function axisTitleOf(panel: HeatmapPanel | undefined): string {
  if (panel?.axisTitle !== undefined) return panel.axisTitle;
  const size = panel?.windowSize ?? 1;
  return size > 1 ? `centre of ${size} restored layers` : 'single restored layer';
}

const cutStroke = (theme: Theme) => ({ stroke: theme.quietInk, strokeWidth: 1.5, dash: '2 2' });

/** Dots along the layers whose window is shorter than the others. */
function cutMarks(
  panel: HeatmapPanel | undefined,
  description: HeatmapDescription,
  grid: CellGrid,
  isLayersDown: boolean,
  theme: Theme,
): readonly Mark[] {
  if (!panel) return [];
  const isCut = description.layers.map((_, layer) => cutWindow(panel, layer) !== undefined);
  return spans(isCut).map(([first, last]): Mark => {
    const pitch = isLayersDown ? grid.height : grid.width;
    const from = first * pitch;
    const length = (last + 1 - first) * pitch - grid.gridLine;
    const d = isLayersDown
      ? `M${grid.x + grid.columns * grid.width + 2.5} ${grid.y + from}v${length}`
      : `M${grid.x + from} ${grid.y + grid.rows * grid.height + 2.5}h${length}`;
    return { kind: 'path', ...cutStroke(theme), d };
  });
}

/** Runs of true, as first and last index. */
function spans(flags: readonly boolean[]): readonly (readonly [number, number])[] {
  const found: [number, number][] = [];
  for (const [index, flag] of flags.entries()) {
    if (!flag) continue;
    const last = found.at(-1);
    if (last && last[1] === index - 1) last[1] = index;
    else found.push([index, index]);
  }
  return found;
}

/** Streams by shape, ten pixels square: a line with a state on it, a cell, lines that gather. */
const icons = {
  residual: 'M0 5H2.4M7.6 5H10M2.4 5A2.6 2.6 0 1 1 7.6 5A2.6 2.6 0 1 1 2.4 5Z',
  mlp: 'M3 1H7L10 5L7 9H3L0 5Z',
  attention: 'M0.5 1L9 5L0.5 9M0.5 5H9',
} as const;

function heading(panel: HeatmapPanel | undefined, x: number, line: number, theme: Theme): readonly Mark[] {
  if (!panel) return [];
  const indent = panel.icon ? iconIndent : 0;
  const title: TextMark = {
    kind: 'text',
    x: x + indent,
    y: line,
    runs: [{ text: panel.title }],
    size: titleSize,
    weight: 600,
    fill: theme.ink,
  };
  if (!panel.icon) return [title];
  const colour = colourAt(panel.colours, theme.name, theme.name === 'dark' ? 0.7 : 0.75);
  return [
    { kind: 'path', origin: [x, line - 9.5], d: icons[panel.icon], stroke: colour, strokeWidth: 1.75 },
    title,
  ];
}
