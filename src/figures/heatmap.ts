// The layout of a heatmap: from what it shows to rectangles, lines and text with coordinates. Pure and the same in a tab
// and in Node, so the picture on the page, the exported file and the snapshot in a test are one figure.
// Renderers: `heatmapSvg` (svg.ts) writes a file, `drawHeatmap` (screen.ts) draws in a page.

import { axisLabels, gutterWidth } from './axes.ts';
import { figureSummary } from './cellSummary.ts';
import { addressAt, type CellModel, placeOf } from './cells.ts';
import type { Gradient } from './colourBar.ts';
import { colourRange } from './colourScale.ts';
import type { CellAddress, HeatmapDescription, Pin } from './description.ts';
import { wrapText } from './lettering.ts';
import type { Mark, Rect } from './marks.ts';
import { metricLabel } from './metric.ts';
import { layoutPanel, leastPanelWidth, type PanelModel, smallSize } from './panel.ts';
import { type Theme, type ThemeName, themes } from './theme.ts';

export interface HeatmapModel {
  readonly description: HeatmapDescription;
  readonly width: number;
  readonly height: number;
  readonly theme: Theme;
  /** The figure in words. */
  readonly summary: string;
  readonly panels: readonly PanelModel[];
  /** Title and caption; what belongs to a panel is with the panel. */
  readonly marks: readonly Mark[];
  readonly pins: readonly PinModel[];
  readonly gradients: readonly Gradient[];
}

export interface PinModel {
  readonly pin: Pin;
  readonly marks: readonly Mark[];
}

export interface LayoutOptions {
  /** Width of the whole figure in pixels. Panels stand in a line if their cells stay readable, else below each other. */
  readonly width: number;
  readonly theme: ThemeName;
  /** Draw the title above the panels. A page with its own heading leaves it out; the title still names the figure. */
  readonly showsTitle?: boolean;
  /** Draw the caption under the panels. */
  readonly showsCaption?: boolean;
  /** Space around the figure. 0 by default; an exported file wants some. */
  readonly padding?: number;
  /** Height of a row. By default 20, or 24 with room for values in the cells, or 18 for long prompts. */
  readonly rowHeight?: number;
}

const panelGap = 28;
const lineGap = 28;
const widestCell = 56;
const captionSize = 11;
/** A narrower figure is no figure; a word a line would be no better. */
const leastLabelWidth = 96;
const captionLine = 16;

/** Lay out a heatmap. Fast enough to be called for every batch of cells that arrives. */
export function layoutHeatmap(description: HeatmapDescription, options: LayoutOptions): HeatmapModel {
  const { padding = 0 } = options;
  const theme = themes[options.theme];
  const inner = options.width - 2 * padding;
  const isLayersDown = description.orientation === 'layers-down';
  const tokenLimit = inner < 480 ? 10 : 16;
  const rows = axisLabels(description, isLayersDown ? 'layers' : 'locations', tokenLimit);
  const columns = axisLabels(description, isLayersDown ? 'locations' : 'layers', tokenLimit);
  const gutter = Math.max(isLayersDown ? 38 : 0, gutterWidth(rows));
  const leastWidth = Math.max(
    (columns.kind === 'layer' ? 7 : 14) * columns.texts.length,
    ...description.panels.map(leastPanelWidth),
  );
  const { perLine, cellWidth } = arrange(
    description.panels.length,
    columns.texts.length,
    inner - gutter,
    leastWidth,
  );
  // The cells of few columns are no wider than they need be, and leave less room than the words about a panel take.
  const pitch = Math.max(columns.texts.length * cellWidth, perLine > 1 ? leastWidth : 0) + panelGap;
  const cellHeight = options.rowHeight ?? (rows.texts.length > 16 ? 18 : cellWidth >= 28 ? 24 : 20);

  const marks: Mark[] = [];
  let y = padding;
  if (options.showsTitle ?? true) {
    for (const text of wrapText(description.title, inner / 1.06, 15)) {
      marks.push({
        kind: 'text',
        x: padding,
        y: y + 15,
        runs: [{ text }],
        size: 15,
        weight: 600,
        fill: theme.ink,
      });
      y += 20;
    }
    y += 14;
  }

  // Its neighbours leave the place beside it free, so that it may be as long as the line of panels.
  const metricLines = wrapText(
    metricLabel(description.metric),
    Math.max(leastLabelWidth, inner - gutter),
    smallSize,
  );
  const panels: PanelModel[] = [];
  const bars = description.panels.map(({ colours }, index) => {
    const { start, end } = colourRange(description, index);
    return `${colours} ${start} ${end}`;
  });
  for (let first = 0; first < description.panels.length; first += perLine) {
    let bottom = y;
    const last = Math.min(first + perLine, description.panels.length);
    for (let index = first; index < last; index += 1) {
      const panel = layoutPanel({
        description,
        index,
        theme,
        x: padding + gutter + (index - first) * pitch,
        y,
        cellWidth,
        cellHeight,
        rows,
        columns,
        isFirst: index === first,
        hasColourBar: index === first || bars[index] !== bars[first],
        metricLines,
      });
      panels.push(panel);
      bottom = Math.max(bottom, panel.bottom);
    }
    y = bottom + (last < description.panels.length ? lineGap : 0);
  }

  if ((options.showsCaption ?? true) && description.caption) {
    y += 18;
    for (const text of wrapText(description.caption, inner, captionSize)) {
      marks.push({
        kind: 'text',
        x: padding,
        y: y + 11,
        runs: [{ text }],
        size: captionSize,
        fill: theme.quietInk,
      });
      y += captionLine;
    }
  }
  return {
    description,
    width: options.width,
    height: Math.ceil(y + padding),
    theme,
    summary: figureSummary(description),
    panels,
    marks,
    pins: (description.pins ?? []).flatMap((pin) => pinModel(pin, panels, description, theme)),
    gradients: panels.flatMap(({ gradient }) => (gradient ? [gradient] : [])),
  };
}

/** As many panels in a line as stay at least `leastWidth` wide, in lines of equal length. */
function arrange(
  panels: number,
  columns: number,
  room: number,
  leastWidth: number,
): { readonly perLine: number; readonly cellWidth: number } {
  const widthOf = (perLine: number): number =>
    (room - (perLine - 1) * panelGap - 3) / perLine / Math.max(1, columns);
  let perLine = Math.max(1, panels);
  while (perLine > 1 && (widthOf(perLine) * columns < leastWidth || panels % perLine !== 0)) perLine -= 1;
  const width = Math.min(widestCell, widthOf(perLine));
  // Whole pixels keep grid lines sharp; where cells are hardly wider than one, filling the width matters more.
  return { perLine, cellWidth: width >= 4 ? Math.floor(width) : Math.max(0.5, width) };
}

/** The cell of a model at an address. */
export function cellOf(model: HeatmapModel, address: CellAddress): CellModel | undefined {
  const { row, column } = placeOf(model.description, address);
  return model.panels[address.panel]?.cells[row]?.[column];
}

/** The cell under a point of the figure. Grid lines belong to the cell before them, so the pointer never falls between. */
export function cellUnder(model: HeatmapModel, x: number, y: number): CellAddress | undefined {
  for (const [index, { grid }] of model.panels.entries()) {
    const column = Math.floor((x - grid.x) / grid.width);
    const row = Math.floor((y - grid.y) / grid.height);
    if (column < 0 || row < 0 || column >= grid.columns || row >= grid.rows) continue;
    return addressAt(model.description, index, row, column);
  }
  return undefined;
}

/** An outline that stands out on any colour, in ink on a band of paper. */
export function cellOutline({ x, y, width, height }: Rect, theme: Theme): readonly Mark[] {
  const around = {
    kind: 'rect',
    x: x - 1,
    y: y - 1,
    width: width + 2,
    height: height + 2,
    fill: 'none',
  } as const;
  return [
    { ...around, stroke: theme.paper, strokeWidth: 4, radius: 1 },
    { ...around, stroke: theme.ink, strokeWidth: 2, radius: 1 },
  ];
}

function pinModel(
  pin: Pin,
  panels: readonly PanelModel[],
  description: HeatmapDescription,
  theme: Theme,
): readonly PinModel[] {
  const { row, column } = placeOf(description, pin);
  const rect = panels[pin.panel]?.cells[row]?.[column]?.rect;
  if (!rect) return [];
  // On the corner, where no cell has its value printed.
  const [x, y] = [rect.x + rect.width, rect.y];
  const badge: Rect = { x: x - 6, y: y - 6, width: 12, height: 12 };
  return [
    {
      pin,
      marks: [
        ...cellOutline(rect, theme),
        { kind: 'rect', ...badge, radius: 3, fill: theme.ink, stroke: theme.paper, strokeWidth: 1 },
        {
          kind: 'text',
          x,
          y: y + 3.3,
          runs: [{ text: pin.letter }],
          size: 9,
          weight: 700,
          fill: theme.paper,
          anchor: 'middle',
        },
      ],
    },
  ];
}
