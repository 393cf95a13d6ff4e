// A heatmap in a page: drawn from the same model as the exported file, with a cursor shared by its panels, pins, and the
// keyboard. It holds no state of the experiment: what is pinned is in the model, and what the reader does is passed to the
// page, which lays out a new model and calls `update`.

import { pointer, select } from 'd3';
import type { CellModel } from './cells.ts';
import { cursorMarks } from './cursor.ts';
import { type CellAddress, isSameCell, locationCount } from './description.ts';
import { keyAction, within } from './gridKeys.ts';
import { cellOf, cellOutline, cellUnder, type HeatmapModel } from './heatmap.ts';
import { drawMarks, drawPanel, type Group, type PanelView } from './screenGrid.ts';
import { hatchPattern } from './svg.ts';
import { fontStacks } from './theme.ts';

/** What the reader does. `cell.summary` is the line for a live region. */
export interface HeatmapEvents {
  /** The pointer came over another cell, or left. Focus that stays in the figure is shown again by `onFocus`. */
  readonly onHover?: (cell: CellModel | undefined) => void;
  /** A cell has the keyboard; undefined when the figure lost it. */
  readonly onFocus?: (cell: CellModel | undefined) => void;
  /** Click, Enter or Space: see `togglePin`. */
  readonly onPin?: (cell: CellModel) => void;
  /** Escape while something is pinned: see `unpin`. */
  readonly onUnpin?: (cell: CellModel) => void;
}

export interface HeatmapView {
  /**
   * Show another model. If only values, colours or pins differ, only the cells that changed are touched, so this may be
   * called for every batch. Focus and cursor stay.
   *
   * @returns how many cells were redrawn
   */
  update(model: HeatmapModel): number;
  /** Point at a cell from outside (a table, an inspector); undefined gives the cursor back to pointer and focus. */
  point(cell: CellAddress | undefined): void;
  /** Give a cell the keyboard. */
  focus(cell: CellAddress): void;
  /** Take the figure out of the page. */
  dispose(): void;
}

let figures = 0;

/**
 * Draw a heatmap as the last child of `host`.
 *
 * Each panel is an ARIA grid with one tab stop. Arrows, Home, End, Control+Home, Control+End, Page Up, Page Down, `[` and
 * `]` move; Enter and Space pin; Escape unpins.
 */
export function drawHeatmap(
  host: HTMLElement,
  initial: HeatmapModel,
  events: HeatmapEvents = {},
): HeatmapView {
  figures += 1;
  const prefix = `heatmap-${figures}`;
  // Listeners stand on an HTML element: Chromium makes an SVG element with a focus listener a tab stop of its own.
  const frame = select(host).append('div');
  // Under forced colours the browser would recolour the text but not the cells it stands on.
  const svg = frame
    .append('svg')
    .attr('role', 'group')
    .style('display', 'block')
    .style('forced-color-adjust', 'none');
  const definitions = svg.append('defs');
  const description = svg.append('desc').attr('id', `${prefix}-description`);
  const surface: Group = svg.append('g');
  const cellElements = new WeakMap<Element, CellAddress>();

  let model = initial;
  let drawnShape = '';
  let drawnDefinitions = '';
  let panels: readonly (PanelView | undefined)[] = [];
  let overlay: Group | undefined;
  let activity: Group | undefined;
  /** The cell that Tab comes back to, in every panel. */
  let active: CellAddress = { panel: 0, location: 0, layer: 0 };
  let focused: CellAddress | undefined;
  let hovered: CellAddress | undefined;
  let pointed: CellAddress | undefined;
  let isRebuilding = false;

  const elementAt = (cell: CellAddress): SVGElement | undefined => panels[cell.panel]?.element(cell);

  const drawOverlay = (): void => {
    if (!overlay) return;
    const at = pointed ?? hovered ?? focused;
    const ring = focused && !isSameCell(at, focused) ? cellOf(model, focused) : undefined;
    const marks = [
      ...(ring ? cellOutline(ring.rect, model.theme) : []),
      ...(at ? cursorMarks(model, at) : []),
      ...model.pins.flatMap((pin) => pin.marks),
    ];
    drawMarks(overlay, marks, prefix);
  };

  /** Touched only when another cell is at work: what moves would begin anew with every step. */
  const drawActivity = (): void => {
    const cell = model.description.active && cellOf(model, model.description.active);
    const { x, y, width, height } = cell?.rect ?? { x: 0, y: 0, width: 0, height: 0 };
    activity
      ?.selectAll('rect')
      .data(cell ? [cell] : [])
      .join('rect')
      .attr('class', 'cell-at-work')
      .attr('fill', 'none')
      .attr('stroke', model.theme.ink)
      .attr('x', x + 1.5)
      .attr('y', y + 1.5)
      .attr('width', Math.max(0, width - 3))
      .attr('height', Math.max(0, height - 3));
  };

  const setActive = (cell: CellAddress): void => {
    for (const panel of model.panels.keys()) elementAt({ ...active, panel })?.setAttribute('tabindex', '-1');
    active = cell;
    for (const panel of model.panels.keys()) elementAt({ ...active, panel })?.setAttribute('tabindex', '0');
  };

  const build = (): void => {
    surface.node()?.replaceChildren();
    drawMarks(surface.append('g'), model.marks, prefix);
    panels = model.panels.map((_, index) =>
      drawPanel(surface.append('g'), model, index, prefix, cellElements),
    );
    activity = surface.append('g').attr('aria-hidden', 'true').attr('pointer-events', 'none');
    overlay = surface.append('g').attr('aria-hidden', 'true').attr('pointer-events', 'none');
  };

  const update = (next: HeatmapModel): number => {
    model = next;
    const shape = shapeOf(next);
    const hadFocus = focused;
    svg
      .attr('width', next.width)
      .attr('height', next.height)
      .attr('viewBox', `0 0 ${next.width} ${next.height}`)
      .attr('font-family', fontStacks.sans)
      .attr('aria-label', next.description.title)
      .attr('aria-describedby', `${prefix}-description`)
      .style('background', next.theme.paper);
    description.text(next.summary);
    isRebuilding = true;
    if (shape !== drawnShape) build();
    isRebuilding = false;
    const gradients = next.gradients.map(({ name, stops }) => gradientMarkup(`${prefix}-${name}`, stops));
    const markup = hatchPattern(next, prefix) + gradients.join('');
    // Our own colours and names only; nothing from outside is parsed as markup.
    if (markup !== drawnDefinitions) definitions.html(markup);
    drawnDefinitions = markup;
    const touched = panels.reduce((sum, panel) => sum + (panel?.update(next) ?? 0), 0);
    if (shape !== drawnShape) {
      drawnShape = shape;
      hovered = undefined;
      setActive(inside(active, next));
      if (hadFocus) elementAt(active)?.focus({ preventScroll: true });
    }
    drawOverlay();
    drawActivity();
    return touched;
  };

  const focusCell = (cell: CellAddress): void => {
    setActive(inside(cell, model));
    elementAt(active)?.focus();
  };

  const tell = (event: ((cell: CellModel) => void) | undefined, cell: CellAddress | undefined): void => {
    const found = cell && cellOf(model, cell);
    if (found) event?.(found);
  };

  const hover = (cell: CellAddress | undefined): void => {
    if (isSameCell(cell, hovered)) return;
    hovered = cell;
    drawOverlay();
    events.onHover?.(cell && cellOf(model, cell));
  };

  const under = (event: MouseEvent): CellAddress | undefined => {
    const [x, y] = pointer(event, surface.node());
    return cellUnder(model, x, y);
  };

  frame
    .on('pointermove', (event: PointerEvent) => hover(under(event)))
    .on('pointerleave', () => hover(undefined))
    .on('click', (event: MouseEvent) => {
      const cell = under(event);
      if (!cell) return;
      focusCell(cell);
      tell(events.onPin, cell);
    })
    .on('focusin', (event: FocusEvent) => {
      const cell = event.target instanceof Element ? cellElements.get(event.target) : undefined;
      if (!cell) return;
      focused = cell;
      setActive(cell);
      drawOverlay();
      tell(events.onFocus, cell);
    })
    .on('focusout', (event: FocusEvent) => {
      // A rebuild takes the focused cell out of the page and focuses its successor.
      if (isRebuilding) return;
      if (event.relatedTarget instanceof Element && cellElements.has(event.relatedTarget)) return;
      focused = undefined;
      drawOverlay();
      events.onFocus?.(undefined);
    })
    .on('keydown', (event: KeyboardEvent) => {
      if (!focused) return;
      const action = keyAction(event, focused, model.description);
      if (!action) return;
      event.preventDefault();
      event.stopPropagation();
      // The keyboard takes the cursor from a pointer that rests somewhere.
      hovered = undefined;
      if (action.kind === 'move') focusCell(action.to);
      else if (action.kind === 'pin') tell(events.onPin, focused);
      else tell(events.onUnpin, focused);
    });

  update(initial);
  return {
    update,
    point(cell) {
      pointed = cell;
      drawOverlay();
    },
    focus: focusCell,
    dispose() {
      frame.remove();
    },
  };
}

/** What must be equal for a figure to be updated in place: everything but values, colours and pins. */
function shapeOf({ width, theme, marks, panels }: HeatmapModel): string {
  const parts = panels.map(({ title, grid, rowHeaders, columnHeaders }) => [
    title,
    grid,
    rowHeaders,
    columnHeaders,
  ]);
  return JSON.stringify([width, theme.name, marks, parts]);
}

function inside(cell: CellAddress, { description }: HeatmapModel): CellAddress {
  return {
    panel: within(cell.panel, description.panels.length),
    location: within(cell.location, locationCount(description.locations)),
    layer: within(cell.layer, description.layers.length),
  };
}

function gradientMarkup(id: string, stops: readonly string[]): string {
  const written = stops.map(
    (colour, i) => `<stop offset="${i / (stops.length - 1)}" stop-color="${colour}"></stop>`,
  );
  return `<linearGradient id="${id}">${written.join('')}</linearGradient>`;
}
