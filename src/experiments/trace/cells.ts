// The cells of a trace: which layers a window covers, in which order cells are computed so that the picture shows early,
// which of them run together, and how each becomes a row.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Row } from '../../runtime/plan/plan.ts';
import { fillBatches } from '../batches.ts';
import type { Direction } from '../direction.ts';
import { coarseToFine, type LayerSpan, layerSpan, replaceWindow } from '../layers.ts';

export interface TraceStream {
  readonly component: string;
  /** Layers that are put back together. */
  readonly window: number;
  readonly heads?: readonly number[];
}

export interface TraceCell {
  /** Place in the list of streams. */
  readonly stream: number;
  readonly layer: number;
  readonly position: number;
}

/** What decides the rows of a trace; no model has to run to know it. */
export interface TraceOutline {
  readonly tokens: readonly number[];
  /** The position whose prediction is watched. */
  readonly watched: number;
  /** First token, and the one after the last. */
  readonly subject: readonly [number, number];
  readonly samples: number;
  readonly direction: Direction;
  readonly streams: readonly TraceStream[];
  /** Ascending. */
  readonly positions: readonly number[];
}

const widestWindow = 10;

/**
 * The window of a stream for which none is given. One layer of the residual stream says all. Of the others ROME restores ten layers of 48 together; where ten would be
 * most of the model, a third of it.
 */
export function usualWindow(component: string, layerCount: number): number {
  if (component === 'block_output' || component === 'block_input') return 1;
  return Math.max(1, Math.min(widestWindow, Math.round(layerCount / 3)));
}

/**
 * Whether a cell changes nothing: in a causal model both runs are one before the first corrupted position, so what is
 * put there is what was there.
 */
export function isUntouched(outline: TraceOutline, cell: TraceCell, isCausal: boolean): boolean {
  return isCausal && cell.position < outline.subject[0];
}

/** All cells, coarse layers first; all streams and positions of a layer together. */
export function orderCells(outline: TraceOutline, layerCount: number): readonly TraceCell[] {
  return coarseToFine(layerCount).flatMap((layer) =>
    outline.streams.flatMap((_, stream) =>
      outline.positions.map((position): TraceCell => ({ stream, layer, position })),
    ),
  );
}

/** Samples of one plan: each needs its own corrupted run. */
export const mostSamples = 32;

export interface TraceBatch {
  readonly cells: readonly TraceCell[];
  /** Ranges of samples, each a plan of its own. */
  readonly slices: readonly { readonly from: number; readonly to: number }[];
}

/**
 * Cells that run together, in order. What is in a batch depends on the outline alone, so that a run that was stopped and
 * resumed gives the same numbers, bit for bit, as one that was not.
 */
export function batchCells(outline: TraceOutline, architecture: Architecture): readonly TraceBatch[] {
  const { samples, tokens } = outline;
  const together = Math.min(samples, mostSamples);
  const slices = Array.from({ length: Math.ceil(samples / together) }, (_, slice) => ({
    from: slice * together,
    to: Math.min(samples, (slice + 1) * together),
  }));
  const weighed = orderCells(outline, architecture.layerCount)
    .filter((cell) => !isUntouched(outline, cell, architecture.isCausal))
    .map((cell) => ({ cell, rows: together, tokens: (tokens.length - cell.position) * together }));
  return fillBatches(weighed).map((some) => ({ cells: some.map(({ cell }) => cell), slices }));
}

export function cellSpan(outline: TraceOutline, layerCount: number, cell: TraceCell): LayerSpan {
  const { component, window } = outline.streams[cell.stream] ?? { component: '', window: 1 };
  return layerSpan(component, cell.layer, window, layerCount);
}

/**
 * A cell as a row: forked where its window begins, at the position that it edits, with the window's activations put in
 * from the other run.
 * @param parent the row that is edited: the corrupted run when restoring
 * @param source the row that the activations come from: the clean run when restoring
 */
export function cellRow(
  outline: TraceOutline,
  architecture: Architecture,
  cell: TraceCell,
  parent: number,
  source: number,
): Row {
  const { component, heads } = outline.streams[cell.stream] ?? { component: '' };
  const span = cellSpan(outline, architecture.layerCount, cell);
  const location = { positions: [cell.position], ...(heads ? { heads } : {}) };
  return {
    start: { kind: 'fork', parent, layer: span.fork, position: architecture.isCausal ? cell.position : 0 },
    edits: replaceWindow(span, component, location, (site) => ({ kind: 'row', row: source, site, location })),
  };
}
