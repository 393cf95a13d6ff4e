// Where everything of a rack stands. Layers go up, columns go across; the labels of layers stay while long prompts scroll
// beneath them, so x is counted from the first column and the gutter is kept apart. Which socket lies under a pointer is
// arithmetic, so that thousands of them need no element of their own.

import type { Point } from '../cable.ts';
import { partOf, type RackDescription, type RackPart, type SocketAddress } from './rackDescription.ts';

export interface PartLayout {
  readonly part: RackPart;
  /** The card of the part, its head included. */
  readonly top: number;
  readonly bottom: number;
  /** Baseline of the columns' labels. */
  readonly labels: number;
  /** Middle of the row of `part.layers[place]`. */
  readonly rows: readonly number[];
}

export interface RackLayout {
  readonly description: RackDescription;
  readonly parts: readonly PartLayout[];
  /** Width of the labels of layers, left of all columns. */
  readonly gutter: number;
  readonly columnWidth: number;
  readonly rowHeight: number;
  readonly radius: number;
  /** Of all columns, without the gutter. */
  readonly contentWidth: number;
  readonly height: number;
}

const gutter = 56;
const columnLeast = 44;
const columnMost = 76;
const rowLeast = 14;
const rowMost = 26;
/** What all layers of the base may take before rows are drawn closer. */
const rowsHeight = 380;
const headHeight = 34;
const footHeight = 10;
const between = 20;

/**
 * @param width of the figure on the page, in pixels, the gutter included
 * @param zoom  of sockets, 1 as they fit best; labels keep their size
 */
export function layoutRack(description: RackDescription, width: number, zoom = 1): RackLayout {
  const { parts } = description;
  const columns = Math.max(1, ...parts.map((part) => part.columns.length));
  const layers = Math.max(1, ...parts.map((part) => part.layers.length));
  const fitting = Math.min(columnMost, Math.max(columnLeast, (width - gutter - 8) / columns));
  const columnWidth = Math.floor(fitting * zoom);
  const rowHeight = Math.round(Math.min(rowMost, Math.max(rowLeast, rowsHeight / layers)) * zoom);
  let top = 0;
  const placed = parts.map((part): PartLayout => {
    const from = top;
    const first = from + headHeight + rowHeight / 2;
    const rows = part.layers.map((_, place) => first + (part.layers.length - 1 - place) * rowHeight);
    const bottom = from + headHeight + part.layers.length * rowHeight + footHeight;
    top = bottom + between;
    return { part, top: from, bottom, labels: from + 22, rows };
  });
  return {
    description,
    parts: placed,
    gutter,
    columnWidth,
    rowHeight,
    radius: Math.min(7.5 * Math.max(1, zoom), rowHeight * 0.36, columnWidth * 0.4),
    contentWidth: columns * columnWidth + 8,
    height: Math.max(0, top - between),
  };
}

/** Middle of a column, from the first column's left edge. */
export const columnMiddle = ({ columnWidth }: RackLayout, column: number): number =>
  (column + 0.5) * columnWidth;

/** Middle of a socket; undefined where its row is folded away. */
export function socketPoint(layout: RackLayout, { run, layer, column }: SocketAddress): Point | undefined {
  const own = layout.parts.find(({ part }) => part.run === run);
  const y = own?.rows[own.part.layers.indexOf(layer)];
  if (!own || y === undefined || column < 0 || column >= own.part.columns.length) return undefined;
  return { x: columnMiddle(layout, column), y };
}

/** The socket under a point, whose x counts from the first column; undefined between racks. */
export function socketAt(layout: RackLayout, { x, y }: Point): SocketAddress | undefined {
  const { columnWidth, rowHeight } = layout;
  const column = Math.floor(x / columnWidth);
  for (const { part, rows } of layout.parts) {
    const place = rows.findIndex((middle) => Math.abs(middle - y) <= rowHeight / 2);
    if (place < 0 || column < 0 || column >= part.columns.length) continue;
    return { run: part.run, layer: part.layers[place] ?? null, column };
  }
  return undefined;
}

export interface RackKey {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

const pageLayers = 5;
const within = (index: number, count: number): number => Math.max(0, Math.min(count - 1, index));

/**
 * Where a key leads from a socket: arrows across columns and layers, and past the last layer into the next rack; Home and
 * End within a row, with Control to the corners of the rack; Page Up and Page Down by five layers.
 * @returns undefined for keys that belong to the page
 */
export function socketByKey(
  description: RackDescription,
  address: SocketAddress,
  { key, ctrlKey, metaKey, altKey }: RackKey,
): SocketAddress | undefined {
  const part = partOf(description, address.run);
  const isFar = ctrlKey || metaKey;
  if (!part || altKey || (isFar && key !== 'Home' && key !== 'End')) return undefined;
  const place = part.layers.indexOf(address.layer);
  const columns = part.columns.length;
  const to = (row: number, column: number): SocketAddress => ({
    run: part.run,
    layer: part.layers[within(row, part.layers.length)] ?? null,
    column: within(column, columns),
  });
  const other = (by: 1 | -1): SocketAddress | undefined => {
    const next = description.parts[description.parts.indexOf(part) + by];
    if (!next) return undefined;
    const layer = by === 1 ? next.layers.at(-1) : next.layers[0];
    return { run: next.run, layer: layer ?? null, column: within(address.column, next.columns.length) };
  };
  switch (key) {
    case 'ArrowLeft':
      return to(place, address.column - 1);
    case 'ArrowRight':
      return to(place, address.column + 1);
    case 'ArrowUp':
      return place + 1 < part.layers.length ? to(place + 1, address.column) : (other(-1) ?? address);
    case 'ArrowDown':
      return place > 0 ? to(place - 1, address.column) : (other(1) ?? address);
    case 'PageUp':
      return to(place + pageLayers, address.column);
    case 'PageDown':
      return to(place - pageLayers, address.column);
    case 'Home':
      return to(isFar ? part.layers.length - 1 : place, 0);
    case 'End':
      return to(isFar ? 0 : place, columns - 1);
    default:
      return undefined;
  }
}
