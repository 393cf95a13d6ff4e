// The cells of a patch: how each becomes rows, and which of them run together. In a causal model the two runs of a pair
// are one before their first difference, so a row forks there at the earliest, and a cell before it changes nothing.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Location, Row } from '../../runtime/plan/plan.ts';
import { fillBatches } from '../batches.ts';
import type { TakenSite } from '../heldNumbers.ts';
import { coarseToFine, layerSpan, replaceWindow } from '../layers.ts';
import type { CellRows, CellSpan, RowSpan } from './cellRows.ts';
import {
  columnAt,
  columnsOf,
  editedPositions,
  hasCell,
  inputLength,
  layersOf,
  mainLength,
  type PatchCase,
  type PatchCell,
  type PatchOutline,
  pictureLength,
  type SweepPanel,
} from './outline.ts';
import { pathRows, pathSpan } from './pathCells.ts';

/** All cells, coarse layers first; all panels and columns of a layer together. */
export function orderCells(outline: PatchOutline, layerCount: number): readonly PatchCell[] {
  const most = Math.max(...outline.panels.map((panel) => layersOf(panel, layerCount)));
  return coarseToFine(most).flatMap((layer) =>
    outline.panels.flatMap((panel, index) =>
      columnsOf(panel).flatMap((column, place): readonly PatchCell[] =>
        layer < layersOf(panel, layerCount) && hasCell(panel, layer, column)
          ? [{ panel: index, layer, column: place }]
          : [],
      ),
    ),
  );
}

/** Whether a panel is of what an encoder makes of its positions. */
const isEncoders = ({ isOfInput, isOfPicture }: SweepPanel, { encoder }: Architecture): boolean =>
  (isOfInput ?? isOfPicture) === true && encoder !== undefined;

/** What a cell of a sweep edits in one case; at no positions where it would change nothing. */
function sweepLocation(
  outline: PatchOutline,
  panel: SweepPanel,
  cell: PatchCell,
  { base, firstDifference, sharesInput, sharesPicture }: PatchCase,
  architecture: Architecture,
): Location & { readonly positions: readonly number[] } {
  const column = columnAt(panel, cell.column);
  const heads = column.head === undefined ? panel.heads : [column.head];
  const positions = editedPositions(panel, column, base, outline);
  const isSeen = (position: number) => {
    if (panel.isOfPicture) return !sharesPicture;
    if (isEncoders(panel, architecture)) return !sharesInput;
    return !architecture.isCausal || position >= firstDifference;
  };
  return { positions: positions.filter(isSeen), ...(heads ? { heads } : {}) };
}

const spanOfLayers = (panel: SweepPanel, { layer }: PatchCell, { layerCount }: Architecture) =>
  layerSpan(panel.component, layer, panel.window, layersOf(panel, layerCount));

function sweepSpan(
  outline: PatchOutline,
  panel: SweepPanel,
  cell: PatchCell,
  patchCase: PatchCase,
  architecture: Architecture,
): CellSpan | undefined {
  const { layerCount, isCausal } = architecture;
  const [first] = sweepLocation(outline, panel, cell, patchCase, architecture).positions;
  if (first === undefined) return undefined;
  const before = panel.place?.from ?? 0;
  const { fork, to } = spanOfLayers(panel, cell, architecture);
  const ofEncoder = isEncoders(panel, architecture);
  const position = isCausal && !ofEncoder ? first : 0;
  return {
    rows: [{ from: before + fork, to: layerCount, position }],
    // Keys and values of earlier positions are needed to the end.
    base: position > 0 ? layerCount : before + fork,
    source: before + to,
    ...(ofEncoder ? { isEncoders: true } : {}),
    ...(panel.isOfPicture ? { isOfPicture: true } : {}),
  };
}

/** What the row of a cell takes in one case; nothing where it changes nothing, and nothing wide of a path. */
export function takenSite(
  outline: PatchOutline,
  architecture: Architecture,
  cell: PatchCell,
  patchCase: PatchCase,
): readonly TakenSite[] {
  const panel = outline.panels[cell.panel];
  if (!panel || panel.kind === 'path') return [];
  const { positions, heads } = sweepLocation(outline, panel, cell, patchCase, architecture);
  if (positions.length === 0) return [];
  const { from, to } = spanOfLayers(panel, cell, architecture);
  const before = panel.place?.from ?? 0;
  return [
    {
      component: panel.component,
      from: before + from,
      to: before + to,
      positions,
      ...(heads ? { heads } : {}),
      ...(patchCase.source ? { source: patchCase } : {}),
    },
  ];
}

/** What a cell passes in one case; undefined when it changes nothing there. */
export function cellSpan(
  outline: PatchOutline,
  architecture: Architecture,
  cell: PatchCell,
  patchCase: PatchCase,
): CellSpan | undefined {
  const panel = outline.panels[cell.panel];
  if (!panel) return undefined;
  return panel.kind === 'path'
    ? pathSpan(panel, cell, patchCase, architecture)
    : sweepSpan(outline, panel, cell, patchCase, architecture);
}

/**
 * A cell as rows, the last of which is measured: forked where its window begins, at the first position that it edits,
 * with what stands in the other run put in.
 * @returns as many rows as `cellSpan` has; none when it changes nothing
 */
export function cellRows(
  outline: PatchOutline,
  architecture: Architecture,
  cell: PatchCell,
  patchCase: PatchCase,
  at: CellRows,
): readonly Row[] {
  const panel = outline.panels[cell.panel];
  const span = cellSpan(outline, architecture, cell, patchCase);
  const [own] = span?.rows ?? [];
  if (!panel || !own) return [];
  if (panel.kind === 'path') return pathRows(panel, cell, patchCase, architecture, at);
  const location = sweepLocation(outline, panel, cell, patchCase, architecture);
  const layers = spanOfLayers(panel, cell, architecture);
  return [
    {
      start: { kind: 'fork', parent: at.base, layer: own.from, position: own.position },
      edits: replaceWindow(layers, panel.component, location, (site) => at.sourceOf(site, location)),
    },
  ];
}

/** Positions that the rows of a cell carry in a case, of all stacks. */
export function carriedBy(span: CellSpan, { base }: PatchCase): number {
  const { rows, isEncoders: ofEncoder, isOfPicture } = span;
  const carriedIn = (length: (position: number) => number, isOf: (alone: RowSpan['alone']) => boolean) =>
    rows.reduce((sum, { position, alone }) => sum + (isOf(alone) ? length(position) : 0), 0);
  const own = carriedIn(
    (position) => mainLength(base) - position,
    (alone) => !alone,
  );
  const ofInput = ofEncoder
    ? carriedIn(
        () => inputLength(base),
        (alone) => alone !== 'first',
      )
    : 0;
  return (
    own +
    ofInput +
    (isOfPicture
      ? carriedIn(
          () => pictureLength(base),
          () => true,
        )
      : 0)
  );
}

/** Cases of one plan: each needs its own two runs. */
const mostCases = 8;

export interface PatchBatch {
  readonly cells: readonly PatchCell[];
  /** Ranges of cases, each a plan of its own. */
  readonly slices: readonly { readonly from: number; readonly to: number }[];
}

/** The cases of a batch, one after another. */
export const casesOf = ({ slices }: PatchBatch): { readonly from: number; readonly to: number } => ({
  from: slices[0]?.from ?? 0,
  to: slices.at(-1)?.to ?? 0,
});

/**
 * Cells that run together, in order; cells that change nothing in any case are left out. What is in a batch depends on
 * the outline alone, so that a run that was stopped and resumed gives the same numbers, bit for bit, as one that was not.
 */
export function batchCells(outline: PatchOutline, architecture: Architecture): readonly PatchBatch[] {
  const { cases } = outline;
  const together = Math.min(cases.length, mostCases);
  const slices = Array.from({ length: Math.ceil(cases.length / together) }, (_, slice) => ({
    from: slice * together,
    to: Math.min(cases.length, (slice + 1) * together),
  }));
  const tokensIn = (cell: PatchCell, from: number, to: number): number =>
    cases.slice(from, to).reduce((sum, patchCase) => {
      const span = cellSpan(outline, architecture, cell, patchCase);
      return sum + (span ? carriedBy(span, patchCase) : 0);
    }, 0);
  const weighed = orderCells(outline, architecture.layerCount).map((cell) => ({
    cell,
    rows: together,
    tokens: Math.max(...slices.map(({ from, to }) => tokensIn(cell, from, to))),
  }));
  return fillBatches(weighed.filter(({ tokens }) => tokens > 0)).map((some) => ({
    cells: some.map(({ cell }) => cell),
    slices,
  }));
}
