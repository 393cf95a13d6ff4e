// Paints a rack on a canvas: labels, sockets, and what a cable reaches. Only what is in view is painted, so that a prompt
// of any length costs what the screen shows. Cables lie above, in elements of their own.

import { colourAt } from '../colour.ts';
import { textWidth } from '../lettering.ts';
import { fontStacks, type Theme } from '../theme.ts';
import { tokenLabel } from '../tokenLabel.ts';
import type { RackColumn, RackScale, SocketAddress, SocketValue } from './rackDescription.ts';
import { columnMiddle, type PartLayout, type RackLayout } from './rackLayout.ts';

export interface RackView {
  readonly scrollLeft: number;
  /** Of the canvas in pixels of the page. */
  readonly width: number;
  readonly theme: Theme;
  /** What a cable can change: the rest is dimmed. Absent where no cable is looked at. */
  readonly isReached?: (address: SocketAddress) => boolean;
  /** Where a cable in the hand may end; absent where there is none. */
  readonly fits?: (address: SocketAddress) => boolean;
}

/** The share of the scale at which a value lies, 0 to 1. */
export const placeOnScale = ({ start, end }: RackScale, value: number): number =>
  Math.min(1, Math.max(0, (value - start) / (end - start)));

/** What fits into a column, the label of a token cut at its end. */
export function columnLabel({ text, kind }: RackColumn, width: number, size: number): string {
  if (kind === 'head') return text;
  const limit = Math.max(2, Math.floor((width - 4) / textWidth('0', size, 'mono')));
  return tokenLabel(text, false, limit);
}

const dimmed = 0.22;
const labelSize = 12;

function paintSocket(
  context: CanvasRenderingContext2D,
  { x, y }: { readonly x: number; readonly y: number },
  radius: number,
  socket: SocketValue | undefined,
  scale: RackScale,
  theme: Theme,
): void {
  const circle = (r: number) => {
    context.beginPath();
    context.arc(x, y, r, 0, 2 * Math.PI);
  };
  if (!socket || Number.isNaN(socket.value)) {
    circle(radius * 0.62);
    context.lineWidth = 1;
    context.strokeStyle = theme.frame;
    context.stroke();
    return;
  }
  const colour = colourAt(scale.colours, theme.name, placeOnScale(scale, socket.value));
  if (socket.isMeasured) {
    circle(radius);
    context.fillStyle = colour;
    context.fill();
  } else {
    circle(radius * 0.74);
    context.lineWidth = radius * 0.52;
    context.strokeStyle = colour;
    context.stroke();
  }
  // Near the middle of the scale a colour is that of the page; the edge keeps the socket where it is.
  circle(radius);
  context.lineWidth = 0.75;
  context.strokeStyle = theme.quietLine;
  context.stroke();
}

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
        paintSocket(context, point, radius, sockets[place]?.[column], description.scale, theme);
        if (!fits || isDim) continue;
        context.beginPath();
        context.arc(point.x, point.y, radius + 1.5, 0, 2 * Math.PI);
        context.lineWidth = 1.5;
        context.strokeStyle = theme.accent;
        context.stroke();
      }
    });
    context.globalAlpha = 1;
    paintLabels(context, layout, own, view);
    paintGutter(context, layout, own, view);
  }
}
