// Paints a rack on a canvas: labels, sockets, and what a cable reaches. Only what is in view is painted, so that a prompt
// of any length costs what the screen shows. Cables lie above, in elements of their own.

import { textWidth } from '../lettering.ts';
import { fontStacks, type Theme } from '../theme.ts';
import { tokenLabel } from '../tokenLabel.ts';
import type { RackColumn, SocketAddress } from './rackDescription.ts';
import { columnMiddle, type PartLayout, type RackLayout } from './rackLayout.ts';
import { socketPainter } from './socketSprites.ts';

export interface RackView {
  readonly scrollLeft: number;
  /** Of the canvas in pixels of the page. */
  readonly width: number;
  readonly theme: Theme;
  /** Pixels of the canvas for one of the page; default 1. */
  readonly ratio?: number;
  /** What a cable can change: the rest is dimmed. Absent where no cable is looked at. */
  readonly isReached?: (address: SocketAddress) => boolean;
  /** Where a cable in the hand may end; absent where there is none. */
  readonly fits?: (address: SocketAddress) => boolean;
}

/** What fits into a column, the label of a token cut at its end. */
export function columnLabel({ text, kind }: RackColumn, width: number, size: number): string {
  if (kind === 'head') return text;
  const limit = Math.max(2, Math.floor((width - 4) / textWidth('0', size, 'mono')));
  return tokenLabel(text, false, limit);
}

const dimmed = 0.22;
const labelSize = 12;

function paintLabels(context: CanvasRenderingContext2D, layout: RackLayout, own: PartLayout, view: RackView) {
  const { theme, scrollLeft } = view;
  context.textAlign = 'center';
  context.textBaseline = 'alphabetic';
  own.part.columns.forEach((column, index) => {
    const x = columnMiddle(layout, index) - scrollLeft + layout.gutter;
    if (x < layout.gutter - layout.columnWidth || x > view.width + layout.columnWidth) return;
    context.font = `${column.isDifferent ? 600 : 400} ${labelSize}px ${fontStacks.mono}`;
    context.fillStyle = column.isDifferent ? theme.accent : theme.ink;
    context.fillText(columnLabel(column, layout.columnWidth, labelSize), x, own.labels);
  });
}

/** Rows whose numbers are written: all where there is room, else every fifth. */
const isNumbered = (layer: number | null, rowHeight: number): boolean =>
  layer === null || rowHeight >= 16 || layer % 5 === 0;

function paintGutter(context: CanvasRenderingContext2D, layout: RackLayout, own: PartLayout, view: RackView) {
  const { theme } = view;
  // Over what has scrolled beneath it.
  context.fillStyle = theme.paper;
  context.fillRect(0, own.top, layout.gutter, own.bottom - own.top);
  context.fillStyle = theme.ink;
  context.textAlign = 'left';
  context.font = `600 12px ${fontStacks.sans}`;
  context.fillText(own.part.title, 2, own.labels);
  context.fillStyle = theme.quietInk;
  context.textAlign = 'right';
  context.font = `400 11px ${fontStacks.sans}`;
  own.part.layers.forEach((layer, place) => {
    const y = own.rows[place] ?? 0;
    if (isNumbered(layer, layout.rowHeight) || own.part.isFolded)
      context.fillText(layer === null ? '' : String(layer), layout.gutter - 10, y + 4);
  });
}

/** A wash behind the sockets that a cable reaches, row by row. */
function paintReach(context: CanvasRenderingContext2D, layout: RackLayout, own: PartLayout, view: RackView) {
  const { isReached, theme, scrollLeft } = view;
  if (!isReached) return;
  context.fillStyle = theme.accent;
  context.globalAlpha = 0.09;
  own.part.layers.forEach((layer, place) => {
    const y = (own.rows[place] ?? 0) - layout.rowHeight / 2;
    own.part.columns.forEach((_, column) => {
      if (!isReached({ run: own.part.run, layer, column })) return;
      const x = column * layout.columnWidth - scrollLeft + layout.gutter;
      context.fillRect(x, y, layout.columnWidth, layout.rowHeight);
    });
  });
  context.globalAlpha = 1;
}

/** @param context scaled to pixels of the page */
export function paintRack(context: CanvasRenderingContext2D, layout: RackLayout, view: RackView): void {
  const { theme, scrollLeft, width, isReached, fits } = view;
  const { gutter, columnWidth, radius, description } = layout;
  context.globalAlpha = 1;
  context.fillStyle = theme.paper;
  context.fillRect(0, 0, width, layout.height);
  const painter = socketPainter(context, { radius, scale: description.scale, theme, ratio: view.ratio ?? 1 });
  const first = Math.max(0, Math.floor(scrollLeft / columnWidth) - 1);
  const last = Math.ceil((scrollLeft + width) / columnWidth) + 1;
  for (const own of layout.parts) {
    const { run, layers, columns, sockets } = own.part;
    paintReach(context, layout, own, view);
    layers.forEach((layer, place) => {
      for (let column = first; column < Math.min(last, columns.length); column++) {
        const address = { run, layer, column };
        const x = columnMiddle(layout, column) - scrollLeft + gutter;
        const point = { x, y: own.rows[place] ?? 0 };
        const isDim = fits ? !fits(address) : isReached ? !isReached(address) : false;
        context.globalAlpha = isDim ? dimmed : 1;
        painter.paint(point, sockets[place]?.[column], fits !== undefined && !isDim);
      }
    });
    context.globalAlpha = 1;
    paintLabels(context, layout, own, view);
    paintGutter(context, layout, own, view);
  }
}
