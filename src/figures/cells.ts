// The cells of a panel: where each lies, its colour, and what is drawn on it.

import { cellSummaries } from './cellSummary.ts';
import { contrast, isDiverging, textColourOn } from './colour.ts';
import type { ClippedEnd, ColourScale } from './colourScale.ts';
import type { CellAddress, HeatmapDescription } from './description.ts';
import { textWidth } from './lettering.ts';
import type { Fill, Mark, Rect } from './marks.ts';
import { formatValue } from './metric.ts';
import type { Theme } from './theme.ts';

export interface CellModel {
  readonly address: CellAddress;
  readonly rect: Rect;
  readonly value: number | undefined;
  readonly state: 'computed' | 'waiting' | 'not-a-number';
  readonly fill: Fill;
  /** The end of the colour range that the value lies beyond. */
  readonly clipped: ClippedEnd | undefined;
  /** The value, where there is room for it. */
  readonly text: string | undefined;
  /** The printed value, a clip mark or a cross, drawn over the cell. */
  readonly decorations: readonly Mark[];
  readonly summary: string;
}

/** Where cells lie: `width` and `height` are the distance from one to the next, the grid line included. */
export interface CellGrid {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly rows: number;
  readonly columns: number;
  readonly gridLine: number;
}

const hatch: Fill = { definition: 'hatch' };
const fontSize = 10;
/** Below this width a value would touch its neighbours, even without its leading zero. */
const leastPrintedWidth = 28;

/** The cell drawn at a row and column of the figure, whichever way round it is. */
export function addressAt(
  { orientation }: Pick<HeatmapDescription, 'orientation'>,
  panel: number,
  row: number,
  column: number,
): CellAddress {
  return orientation === 'layers-down'
    ? { panel, location: column, layer: row }
    : { panel, location: row, layer: column };
}

/** The row and column of the figure at which a cell is drawn. */
export function placeOf(
  { orientation }: Pick<HeatmapDescription, 'orientation'>,
  { location, layer }: CellAddress,
): { readonly row: number; readonly column: number } {
  return orientation === 'layers-down' ? { row: layer, column: location } : { row: location, column: layer };
}

export function layoutCells(
  description: HeatmapDescription,
  panel: number,
  grid: CellGrid,
  scale: ColourScale,
  theme: Theme,
): readonly (readonly CellModel[])[] {
  const digits = printedDigits(description, panel, grid);
  const values = description.panels[panel]?.values ?? [];
  const summaryOf = cellSummaries(description);
  const palest = isDiverging(description.panels[panel]?.colours ?? 'viridis') ? 0.5 : 0;
  // Values without an effect are printed in quieter ink, where it can be read, so that the others stand out.
  const textColour = (value: number, fill: string): string => {
    const place = Math.max(0, Math.min(1, scale.place(value)));
    const isPale = Math.abs(place - palest) < 0.1;
    return isPale && contrast(fill, theme.quietInk) >= 4.5 ? theme.quietInk : textColourOn(fill);
  };
  return Array.from({ length: grid.rows }, (_, row) =>
    Array.from({ length: grid.columns }, (_, column): CellModel => {
      const address = addressAt(description, panel, row, column);
      const value = values[address.location]?.[address.layer];
      const rect: Rect = {
        x: grid.x + column * grid.width,
        y: grid.y + row * grid.height,
        width: grid.width - grid.gridLine,
        height: grid.height - grid.gridLine,
      };
      const summary = summaryOf(address);
      const blank = { address, rect, value, clipped: undefined, text: undefined, summary };
      if (value === undefined) {
        return { ...blank, state: 'waiting', fill: hatch, decorations: [] };
      }
      if (Number.isNaN(value)) {
        return { ...blank, state: 'not-a-number', fill: hatch, decorations: [cross(rect)] };
      }
      const fill = scale.colour(value);
      const clipped = scale.clippedEnd(value);
      const text = digits === undefined ? undefined : formatValue(value, digits);
      const decorations: Mark[] = [];
      if (clipped) decorations.push(clipMark(rect, clipped, textColour(value, fill)));
      if (text !== undefined) decorations.push(printed(text, rect, textColour(value, fill)));
      return { address, rect, value, state: 'computed', fill, clipped, text, decorations, summary };
    }),
  );
}

/**
 * How many decimals to print in cells: as many as every value of the panel has room for, at most two.
 *
 * @returns undefined if cells are too small, or if so few decimals fit that differences would be lost
 */
export function printedDigits(
  description: HeatmapDescription,
  panel: number,
  grid: Pick<CellGrid, 'width' | 'height' | 'gridLine'>,
): number | undefined {
  if (grid.width < leastPrintedWidth || grid.height < fontSize + 4) return undefined;
  const { digits = 3 } = description.metric;
  // Numbers that need more than the usual decimals are none with two.
  const wanted = digits > 3 ? digits : Math.min(2, digits);
  const values = (description.panels[panel]?.values ?? [])
    .flat()
    .filter((value): value is number => value !== undefined && !Number.isNaN(value));
  const room = grid.width - grid.gridLine - 2;
  const fits = (digits: number): boolean =>
    values.every((value) => textWidth(formatValue(value, digits), fontSize, 'mono') <= room);
  const least = digits > 3 ? digits : Math.min(1, wanted);
  for (let digits = wanted; digits >= least; digits -= 1) if (fits(digits)) return digits;
  return values.every((value) => Math.abs(value) >= 10 || value === 0) && fits(0) ? 0 : undefined;
}

const printed = (text: string, { x, y, width, height }: Rect, fill: string): Mark => ({
  kind: 'text',
  x: x + width / 2,
  y: y + height / 2 + fontSize * 0.36,
  runs: [{ text }],
  size: fontSize,
  family: 'mono',
  fill,
  anchor: 'middle',
});

/** A corner turned up where a value lies beyond the range, turned down where it lies before it. */
function clipMark({ x, y, width, height }: Rect, end: ClippedEnd, fill: string): Mark {
  const size = Math.min(5, width * 0.6, height * 0.6);
  const right = x + width;
  const bottom = y + height;
  return {
    kind: 'path',
    d:
      end === 'end'
        ? `M${right - size} ${y}H${right}V${y + size}Z`
        : `M${x} ${bottom - size}V${bottom}H${x + size}Z`,
    fill,
  };
}

function cross({ x, y, width, height }: Rect): Mark {
  const reach = Math.min(4, width / 3, height / 3);
  const [cx, cy] = [x + width / 2, y + height / 2];
  return {
    kind: 'path',
    d: `M${cx - reach} ${cy - reach}L${cx + reach} ${cy + reach}M${cx - reach} ${cy + reach}L${cx + reach} ${cy - reach}`,
    stroke: '#d1453b',
    strokeWidth: 1.5,
  };
}
