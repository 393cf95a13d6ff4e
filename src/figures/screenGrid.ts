// A panel as an ARIA grid of SVG elements: rows with headers and cells that a screen reader can walk, drawn once and then
// touched only where a cell changed.

import { type Selection, select } from 'd3';
import { type CellModel, placeOf } from './cells.ts';
import { type CellAddress, isSameCell, type Pin } from './description.ts';
import type { HeatmapModel } from './heatmap.ts';
import { elementOf, fillValue, type Mark } from './marks.ts';
import type { PanelModel } from './panel.ts';

export type Group = Selection<SVGGElement, unknown, null, undefined>;

const svgNamespace = 'http://www.w3.org/2000/svg';

/** Replace what a group holds by these marks. */
export function drawMarks(group: Group, marks: readonly Mark[], prefix: string): void {
  group.node()?.replaceChildren(...marks.map((mark) => markElement(mark, prefix)));
}

function markElement(mark: Mark, prefix: string): SVGElement {
  const { name, attributes, runs } = elementOf(mark, prefix);
  const element = document.createElementNS(svgNamespace, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  for (const { text, fill } of runs) {
    if (fill === undefined) {
      element.append(text);
      continue;
    }
    const span = document.createElementNS(svgNamespace, 'tspan');
    span.setAttribute('fill', fill);
    span.textContent = text;
    element.append(span);
  }
  return element;
}

/** One panel in the page. */
export interface PanelView {
  /** Redraw what differs from the model drawn before. @returns how many cells were touched */
  update(model: HeatmapModel): number;
  element(cell: CellAddress): SVGElement | undefined;
}

/**
 * Build a panel in `root`. The panel's place and its rows and columns stay as they are; for others build it anew.
 *
 * @param cellElements learns which element is which cell, for events
 */
export function drawPanel(
  root: Group,
  model: HeatmapModel,
  index: number,
  prefix: string,
  cellElements: WeakMap<Element, CellAddress>,
): PanelView | undefined {
  const panel = model.panels[index];
  if (!panel) return undefined;
  const chrome = root.append('g').attr('aria-hidden', 'true');
  const grid = root
    .append('g')
    .attr('role', 'grid')
    .attr('aria-label', `${panel.title}: ${model.description.metric.name}`)
    .attr('aria-rowcount', panel.grid.rows + 1)
    .attr('aria-colcount', panel.grid.columns + 1);
  drawHeaderRow(grid, panel, prefix);
  const elements = panel.cells.map((cells, row) => drawRow(grid, panel, row, cells.length, prefix));
  const decorations = root.append('g').attr('aria-hidden', 'true').attr('pointer-events', 'none');
  const decorated = panel.cells.map((cells) => cells.map((): Group | undefined => undefined));
  for (const [row, cells] of panel.cells.entries()) {
    for (const [column, { address }] of cells.entries()) {
      const element = elements[row]?.[column];
      if (element) cellElements.set(element, address);
    }
  }

  let drawnMarks = '';
  const drawn: (DrawnCell | undefined)[][] = panel.cells.map((cells) => cells.map(() => undefined));

  const decorate = (row: number, column: number, cell: CellModel): void => {
    const groups = decorated[row];
    if (!groups) return;
    groups[column]?.remove();
    groups[column] = undefined;
    if (cell.decorations.length === 0) return;
    const group: Group = decorations.append('g');
    drawMarks(group, cell.decorations, prefix);
    groups[column] = group;
  };

  return {
    update(next) {
      const current = next.panels[index];
      if (!current) return 0;
      const marks = JSON.stringify(current.marks);
      if (marks !== drawnMarks) drawMarks(chrome, current.marks, prefix);
      drawnMarks = marks;
      let touched = 0;
      for (const [row, cells] of current.cells.entries()) {
        for (const [column, cell] of cells.entries()) {
          const element = elements[row]?.[column];
          const before = drawn[row]?.[column];
          const pin = next.description.pins?.find((each) => isSameCell(each, cell.address));
          if (!element || (before && looksSame(before, cell, pin))) continue;
          touched += 1;
          element.setAttribute('fill', fillValue(cell.fill, prefix));
          element.setAttribute('aria-label', pin ? `${cell.summary}, pinned ${pin.letter}` : cell.summary);
          element.setAttribute('aria-selected', String(pin !== undefined));
          if (!before || !hasSameDecorations(before.cell, cell)) decorate(row, column, cell);
          const drawnRow = drawn[row];
          if (drawnRow) drawnRow[column] = { cell, letter: pin?.letter };
        }
      }
      return touched;
    },
    element(cell) {
      const { row, column } = placeOf(model.description, cell);
      return elements[row]?.[column];
    },
  };
}

interface DrawnCell {
  readonly cell: CellModel;
  readonly letter: Pin['letter'] | undefined;
}

const looksSame = (before: DrawnCell, cell: CellModel, pin: Pin | undefined): boolean =>
  before.letter === pin?.letter &&
  before.cell.summary === cell.summary &&
  JSON.stringify(before.cell.fill) === JSON.stringify(cell.fill) &&
  hasSameDecorations(before.cell, cell);

const hasSameDecorations = (a: CellModel, b: CellModel): boolean =>
  (a.decorations.length === 0 && b.decorations.length === 0) ||
  JSON.stringify(a.decorations) === JSON.stringify(b.decorations);

/** The names of the columns. One without room is there for screen readers, without ink. */
function drawHeaderRow(grid: Group, panel: PanelModel, prefix: string): void {
  const row = grid.append('g').attr('role', 'row').attr('aria-rowindex', 1);
  for (const [column, header] of panel.columnHeaders.entries()) {
    const element = markElement(header.mark, prefix);
    if (!header.isShown) element.setAttribute('fill', 'none');
    row
      .append(() => element)
      .attr('role', 'columnheader')
      .attr('aria-colindex', column + 2)
      .attr('aria-label', header.name);
  }
}

function drawRow(
  grid: Group,
  panel: PanelModel,
  row: number,
  columns: number,
  prefix: string,
): readonly SVGElement[] {
  const group = grid
    .append('g')
    .attr('role', 'row')
    .attr('aria-rowindex', row + 2);
  const header = panel.rowHeaders[row];
  if (header) {
    const element = markElement(header.mark, prefix);
    if (!header.isShown) {
      for (const each of [element, ...element.querySelectorAll('tspan')]) each.setAttribute('fill', 'none');
    }
    group
      .append(() => element)
      .attr('role', 'rowheader')
      .attr('aria-colindex', 1)
      .attr('aria-label', header.name);
  }
  return Array.from({ length: columns }, (_, column) => {
    const { x, y, width, height } = panel.cells[row]?.[column]?.rect ?? panel.frame;
    const element = document.createElementNS(svgNamespace, 'rect');
    select(element)
      .attr('x', x)
      .attr('y', y)
      .attr('width', width)
      .attr('height', height)
      .attr('role', 'gridcell')
      .attr('aria-colindex', column + 2)
      .attr('tabindex', -1)
      .style('outline', 'none');
    group.append(() => element);
    return element;
  });
}
