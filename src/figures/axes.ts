// The names of rows and columns: tokens, heads and layers beside a panel. Every row and column has a header, because a
// screen reader needs it; only those with room are shown.

import { layerName, locationName } from './cellSummary.ts';
import { type HeatmapDescription, type Locations, locationCount } from './description.ts';
import { cutText, graphemesOf, textWidth } from './lettering.ts';
import type { TextMark, TextRun } from './marks.ts';
import type { Theme } from './theme.ts';
import { tokenLabel } from './tokenLabel.ts';

export interface Header {
  readonly mark: TextMark;
  /** Whether the axis has room for it; the cursor shows it in any case. */
  readonly isShown: boolean;
  /** For screen readers: `layer 15`, `token le (corrupted)`. */
  readonly name: string;
}

export const tokenSize = 12;
export const tickSize = 11;
const labelGap = 8;

/** Labels along one side: those of the layers, or those of the tokens or heads. */
export interface AxisLabels {
  readonly kind: 'layer' | Locations['kind'];
  readonly texts: readonly string[];
  readonly names: readonly string[];
  /** Whether the text ends with the star of a corrupted token. */
  readonly isStarred: readonly boolean[];
  readonly width: number;
}

export function axisLabels(
  description: HeatmapDescription,
  side: 'layers' | 'locations',
  tokenLimit: number,
): AxisLabels {
  const { layers, locations } = description;
  if (side === 'layers') {
    const texts = layers.map(String);
    const names = layers.map((_, i) => layerName(description, i));
    return { kind: 'layer', texts, names, isStarred: [], width: widest(texts, tickSize) };
  }
  const names = Array.from({ length: locationCount(locations) }, (_, i) => locationName(description, i));
  switch (locations.kind) {
    case 'position': {
      const isStarred = locations.tokens.map((token) => token.isCorrupted ?? false);
      const texts = locations.tokens.map(({ text }, i) =>
        tokenLabel(text, isStarred[i] ?? false, tokenLimit),
      );
      const width = Math.max(0, ...texts.map((text) => textWidth(text, tokenSize, 'mono')));
      return { kind: 'position', texts, names, isStarred, width };
    }
    case 'head': {
      const texts = locations.heads.map(String);
      return { kind: 'head', texts, names, isStarred: [], width: widest(texts, tickSize) };
    }
    case 'named': {
      const texts = locations.names.map((name) => cutText(name, 2 * tokenLimit));
      return { kind: 'named', texts, names, isStarred: [], width: widest(texts, tokenSize) };
    }
    default:
      return locations satisfies never;
  }
}

/** Words beside a panel, which have no order that would let some be left out. */
const isWords = ({ kind }: AxisLabels): boolean => kind === 'position' || kind === 'named';

const widest = (texts: readonly string[], size: number): number =>
  Math.max(0, ...texts.map((text) => textWidth(text, size)));

/** The width that row labels take to the left of a panel, the gap included. */
export const gutterWidth = (labels: AxisLabels): number => Math.ceil(labels.width) + labelGap;

/** Row labels, right-aligned against `edge`, which is the left edge of the panel. */
export function rowHeaders(
  labels: AxisLabels,
  at: { readonly edge: number; readonly top: number; readonly rowHeight: number; readonly isShown: boolean },
  theme: Theme,
): readonly Header[] {
  return labels.texts.map((text, row) => ({
    mark: {
      ...label(labels, row, theme),
      x: at.edge - labelGap,
      y: at.top + (row + 0.5) * at.rowHeight + tokenSize * 0.34,
      anchor: 'end',
    },
    isShown: at.isShown && (at.rowHeight >= 13 || isTick(labels, row, at.rowHeight, 13)),
    name: labels.names[row] ?? text,
  }));
}

export interface ColumnAxis {
  readonly headers: readonly Header[];
  /** From the bottom of the panel to the bottom of the labels. */
  readonly height: number;
}

/** Column labels under `top`, the bottom of the panel: numbers level, tokens upright unless their columns are wide. */
export function columnAxis(
  labels: AxisLabels,
  at: { readonly left: number; readonly top: number; readonly columnWidth: number },
  theme: Theme,
): ColumnAxis {
  const isUpright = isWords(labels) && labels.width > at.columnWidth - 4;
  const headers = labels.texts.map((text, column): Header => {
    const middle = at.left + (column + 0.5) * at.columnWidth - 0.5;
    const mark = label(labels, column, theme);
    return {
      mark: isUpright
        ? { ...mark, x: middle + tokenSize * 0.34, y: at.top + labelGap, anchor: 'end', isUpright: true }
        : { ...mark, x: middle, y: at.top + 16, anchor: 'middle' },
      isShown: isWords(labels) || isTick(labels, column, at.columnWidth, 18),
      name: labels.names[column] ?? text,
    };
  });
  return { headers, height: isUpright ? Math.ceil(labels.width) + labelGap : 20 };
}

/** Every number if all have room, otherwise the multiples of 5, 10, 20 or 50 that do. */
function isTick(labels: AxisLabels, index: number, step: number, room: number): boolean {
  if (step >= room) return true;
  const every = [5, 10, 20, 50].find((count) => count * step >= 24) ?? 100;
  return isWords(labels) ? index % every === 0 : Number(labels.texts[index]) % every === 0;
}

function label(labels: AxisLabels, index: number, theme: Theme): TextMark {
  const text = labels.texts[index] ?? '';
  const isToken = labels.kind === 'position';
  return {
    kind: 'text',
    x: 0,
    y: 0,
    runs: isToken ? tokenRuns(text, labels.isStarred[index] ?? false, theme) : [{ text }],
    size: isWords(labels) ? tokenSize : tickSize,
    fill: isWords(labels) ? theme.ink : theme.quietInk,
    ...(isToken ? { family: 'mono' } : {}),
  };
}

/** The marks that stand for spaces are quieter than the letters, the star is in another ink. */
function tokenRuns(text: string, isStarred: boolean, theme: Theme): readonly TextRun[] {
  const runs: TextRun[] = [];
  for (const grapheme of graphemesOf(isStarred ? text.slice(0, -1) : text)) {
    const fill = '·↵␍⇥⍽∅…'.includes(grapheme) ? theme.quietInk : undefined;
    const last = runs.at(-1);
    if (last && last.fill === fill) runs[runs.length - 1] = { ...last, text: last.text + grapheme };
    else runs.push(fill === undefined ? { text: grapheme } : { text: grapheme, fill });
  }
  if (isStarred) runs.push({ text: '*', fill: theme.accent });
  return runs;
}
