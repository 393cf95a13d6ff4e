// The keyboard in a heatmap: that of a spreadsheet, and two keys to go from panel to panel without losing the cell.

import { addressAt, placeOf } from './cells.ts';
import { type CellAddress, type HeatmapDescription, locationCount } from './description.ts';

export type KeyAction =
  | { readonly kind: 'move'; readonly to: CellAddress }
  | { readonly kind: 'pin' }
  | { readonly kind: 'unpin' };

export interface KeyPress {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

const pageLayers = 5;

/**
 * What a key does in a cell. Arrows, Home and End follow the figure as it is drawn, with Control to its corners; Page Up
 * and Page Down go five layers back and on in either orientation; `[` and `]` go to the panel before and after.
 *
 * @returns undefined for keys that belong to the page
 */
export function keyAction(
  { key, ctrlKey, metaKey, altKey }: KeyPress,
  cell: CellAddress,
  description: HeatmapDescription,
): KeyAction | undefined {
  if (altKey) return undefined;
  const isFar = ctrlKey || metaKey;
  if (isFar && key !== 'Home' && key !== 'End') return undefined;
  const layers = description.layers.length;
  const locations = locationCount(description.locations);
  const isLayersDown = description.orientation === 'layers-down';
  const rows = isLayersDown ? layers : locations;
  const columns = isLayersDown ? locations : layers;
  const { row, column } = placeOf(description, cell);
  const to = (newRow: number, newColumn: number): KeyAction => ({
    kind: 'move',
    to: addressAt(description, cell.panel, within(newRow, rows), within(newColumn, columns)),
  });
  const step = (change: Partial<CellAddress>): KeyAction => ({ kind: 'move', to: { ...cell, ...change } });
  switch (key) {
    case 'ArrowUp':
      return to(row - 1, column);
    case 'ArrowDown':
      return to(row + 1, column);
    case 'ArrowLeft':
      return to(row, column - 1);
    case 'ArrowRight':
      return to(row, column + 1);
    case 'Home':
      return to(isFar ? 0 : row, 0);
    case 'End':
      return to(isFar ? rows - 1 : row, columns - 1);
    case 'PageUp':
      return step({ layer: within(cell.layer - pageLayers, layers) });
    case 'PageDown':
      return step({ layer: within(cell.layer + pageLayers, layers) });
    case '[':
      return step({ panel: within(cell.panel - 1, description.panels.length) });
    case ']':
      return step({ panel: within(cell.panel + 1, description.panels.length) });
    case 'Enter':
    case ' ':
      return { kind: 'pin' };
    case 'Escape':
      return (description.pins ?? []).length > 0 ? { kind: 'unpin' } : undefined;
    default:
      return undefined;
  }
}

/** The index nearest to `index` among `count`. */
export const within = (index: number, count: number): number => Math.max(0, Math.min(count - 1, index));
