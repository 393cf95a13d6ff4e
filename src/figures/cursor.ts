// The cursor of a heatmap: the same cell outlined in every panel, its row and column named, its values written beside the
// titles. Hovering and focusing draw the same, so the keyboard sees all that the pointer sees.

import { tickSize } from './axes.ts';
import { layerName } from './cellSummary.ts';
import { placeOf } from './cells.ts';
import type { CellAddress } from './description.ts';
import { cellOutline, type HeatmapModel } from './heatmap.ts';
import { textWidth } from './lettering.ts';
import type { Mark, TextMark } from './marks.ts';
import { formatMetric } from './metric.ts';
import type { PanelModel } from './panel.ts';

/** Marks to draw over the figure while a cell is pointed at or focused. */
export function cursorMarks(model: HeatmapModel, cell: CellAddress): readonly Mark[] {
  const { row, column } = placeOf(model.description, cell);
  return model.panels.flatMap((panel, index): readonly Mark[] => {
    const own = panel.cells[row]?.[column];
    if (!own) return [];
    return [
      ...rowMark(panel, row, model),
      ...columnMarks(panel, column, model),
      ...(index === cell.panel
        ? cellOutline(own.rect, model.theme)
        : [{ ...outer(own.rect), stroke: model.theme.ink, strokeWidth: 1 } as const]),
      readout(model, panel, own.value, cell.layer),
    ];
  });
}

const outer = ({ x, y, width, height }: PanelModel['frame']) =>
  ({ kind: 'rect', x: x - 0.5, y: y - 0.5, width: width + 1, height: height + 1, fill: 'none' }) as const;

/** A bar at the edge of the panel, beside the row's name. */
function rowMark(panel: PanelModel, row: number, model: HeatmapModel): readonly Mark[] {
  const { x, y, height, gridLine } = panel.grid;
  const bar = { x: x - 4, y: y + row * height, width: 3, height: height - gridLine };
  return [{ kind: 'rect', ...bar, fill: model.theme.accent }];
}

/** The column's name in ink, on a plate that covers its neighbours', since most columns have no room for theirs. */
function columnMarks(panel: PanelModel, column: number, model: HeatmapModel): readonly Mark[] {
  const header = panel.columnHeaders[column];
  if (!header) return [];
  const { theme } = model;
  const { grid, frame } = panel;
  const bottom = frame.y + frame.height + 1;
  const bar: Mark = {
    kind: 'rect',
    x: grid.x + column * grid.width,
    y: bottom,
    width: grid.width - grid.gridLine,
    height: 3,
    fill: theme.accent,
  };
  if (header.mark.isUpright) return [bar];
  const mark: TextMark = { ...header.mark, fill: theme.ink, weight: 600 };
  const half = textWidth(mark.runs.map(({ text }) => text).join(''), mark.size, mark.family) / 2 + 5;
  const plate = { x: mark.x - half, y: mark.y - tickSize, width: 2 * half, height: tickSize + 4 };
  return [bar, { kind: 'rect', ...plate, fill: theme.paper }, mark];
}

function readout(model: HeatmapModel, panel: PanelModel, value: number | undefined, layer: number): Mark {
  const { metric } = model.description;
  const text = value === undefined ? '–' : formatMetric(metric, value);
  const where = layerName(model.description, layer);
  const room = panel.frame.width - panel.titleWidth - 16;
  const isRoomy = textWidth(`${where}  ${text}`, tickSize, 'mono') <= room;
  const runs = [...(isRoomy ? [{ text: `${where}  `, fill: model.theme.quietInk }] : []), { text }];
  return { ...panel.readout, runs };
}
