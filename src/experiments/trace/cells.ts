// The cells of a trace: which layers a window covers, in which order cells are computed so that the picture shows early,
// which of them run together, and how each becomes a row.

import type { Architecture, StackPlace } from '../../architectures/architecture.ts';
import type { Row, RowStart } from '../../runtime/plan/plan.ts';
import { fillBatches } from '../batches.ts';
import type { Direction } from '../direction.ts';
import { inputOfPlaced, type PlacedInInput } from '../inputParts.ts';
import { coarseToFine, type LayerSpan, layerSpan, replaceWindow } from '../layers.ts';

export interface TraceStream extends PlacedInInput {
  readonly component: string;
  /** Layers that are put back together. */
  readonly window: number;
  readonly heads?: readonly number[];
  /** In an encoder-decoder, where the component's layers lie. */
  readonly place?: StackPlace;
}

export interface TraceCell {
  /** Place in the list of streams. */
  readonly stream: number;
  /** Of the component's own stack. */
  readonly layer: number;
  /** A token's; in a stream of the input, the place of the cell's column. */
  readonly position: number;
}

/** What a model reads beside the tokens of its prediction, or in place of them. */
export interface InputOutline {
  readonly length: number;
  /** Positions that are put back together, a column of cells each. */
  readonly columns: readonly (readonly number[])[];
  /** Ascending; none where tokens are corrupted. */
  readonly corrupted: readonly number[];
}

/** What decides the rows of a trace; no model has to run to know it. */
export interface TraceOutline {
  /** How the clean run begins; absent for tokens alone. */
  readonly start?: RowStart;
  /** Those that are predicted from; none where a model reads a picture alone. */
  readonly tokens: readonly number[];
  readonly input?: InputOutline;
  /** Of a question: the picture that it is about. */
  readonly picture?: InputOutline;
  /** The position whose prediction is watched. */
  readonly watched: number;
  /** First token, and the one after the last; null where the input or its picture is corrupted. */
  readonly subject: readonly [number, number] | null;
  readonly samples: number;
  readonly direction: Direction;
  readonly streams: readonly TraceStream[];
  /** Tokens that have cells. Ascending. */
  readonly positions: readonly number[];
}

const widestWindow = 10;

/**
 * The window of a stream for which none is given. One layer of the residual stream says all. Of the others ROME restores ten layers of 48 together; where ten would be
 * most of the model, a third of it.
 */
export function usualWindow(component: string, layerCount: number): number {
  if (/(^|\.)block_(output|input)$/.test(component)) return 1;
  return Math.max(1, Math.min(widestWindow, Math.round(layerCount / 3)));
}

const noStream: TraceStream = { component: '', window: 1 };
const streamOf = ({ streams }: TraceOutline, { stream }: TraceCell): TraceStream =>
  streams[stream] ?? noStream;

/** Layers that a stream has cells at. */
export const layersOf = ({ place }: TraceStream, layerCount: number): number => place?.count ?? layerCount;

/** What the cells of a stream's layer are of: tokens, or columns of the input. */
export const columnsOf = (
  outline: Pick<TraceOutline, 'input' | 'picture' | 'positions'>,
  stream: TraceStream,
): readonly number[] =>
  inputOfPlaced(outline, stream)?.columns.map((_, column) => column) ?? outline.positions;

/** What is corrupted beside the tokens; undefined where they are. */
export const corruptedInput = ({
  input,
  picture,
}: Pick<TraceOutline, 'input' | 'picture'>): InputOutline | undefined =>
  [picture, input].find((each) => each && each.corrupted.length > 0);

/**
 * Whether a cell changes nothing: in a causal model both runs are one before the first corrupted position, and so they are
 * in an encoder of which nothing is corrupted, so what is put there is what was there.
 */
export function isUntouched(outline: TraceOutline, cell: TraceCell, isCausal: boolean): boolean {
  const { subject, picture } = outline;
  const { isOfInput, isOfPicture } = streamOf(outline, cell);
  if (isOfPicture) return picture?.corrupted.length === 0;
  if (subject === null) return false;
  return isOfInput === true || (isCausal && cell.position < subject[0]);
}

/** All cells, coarse layers first; all streams and positions of a layer together. */
export function orderCells(outline: TraceOutline, layerCount: number): readonly TraceCell[] {
  const { streams } = outline;
  const most = Math.max(...streams.map((stream) => layersOf(stream, layerCount)));
  return coarseToFine(most).flatMap((layer) =>
    streams.flatMap((stream, place) =>
      layer < layersOf(stream, layerCount)
        ? columnsOf(outline, stream).map((position): TraceCell => ({ stream: place, layer, position }))
        : [],
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

/** The first position that a cell's row carries of its tokens. */
export const firstCarried = (outline: TraceOutline, cell: TraceCell, isCausal: boolean): number =>
  isCausal && !inputOfPlaced(outline, streamOf(outline, cell)) ? cell.position : 0;

/** Positions that a cell's row carries, of all stacks from the edited one on. */
export function carriedBy(outline: TraceOutline, cell: TraceCell): number {
  const { tokens, input, picture } = outline;
  const { isOfInput, isOfPicture } = streamOf(outline, cell);
  if (!isOfInput && !isOfPicture) return tokens.length - cell.position;
  return tokens.length + (input?.length ?? 0) + (isOfPicture ? (picture?.length ?? 0) : 0);
}

/**
 * Cells that run together, in order. What is in a batch depends on the outline alone, so that a run that was stopped and
 * resumed gives the same numbers, bit for bit, as one that was not.
 */
export function batchCells(outline: TraceOutline, architecture: Architecture): readonly TraceBatch[] {
  const { samples } = outline;
  const together = Math.min(samples, mostSamples);
  const slices = Array.from({ length: Math.ceil(samples / together) }, (_, slice) => ({
    from: slice * together,
    to: Math.min(samples, (slice + 1) * together),
  }));
  const weighed = orderCells(outline, architecture.layerCount)
    .filter((cell) => !isUntouched(outline, cell, architecture.isCausal))
    .map((cell) => ({ cell, rows: together, tokens: carriedBy(outline, cell) * together }));
  return fillBatches(weighed).map((some) => ({ cells: some.map(({ cell }) => cell), slices }));
}

/** The layers of a cell, counted in the component's own stack. */
export function cellSpan(outline: TraceOutline, layerCount: number, cell: TraceCell): LayerSpan {
  const stream = streamOf(outline, cell);
  return layerSpan(stream.component, cell.layer, stream.window, layersOf(stream, layerCount));
}

/** What a cell is restored at, counted in its own stack. */
export function positionsOf(outline: TraceOutline, cell: TraceCell): readonly number[] {
  const input = inputOfPlaced(outline, streamOf(outline, cell));
  return input ? (input.columns[cell.position] ?? []) : [cell.position];
}

/** Layers of the model before a stream's layer 0. */
export const layersBefore = (outline: TraceOutline, cell: TraceCell): number =>
  streamOf(outline, cell).place?.from ?? 0;

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
  const stream = streamOf(outline, cell);
  const { component, heads } = stream;
  const span = cellSpan(outline, architecture.layerCount, cell);
  const location = { positions: positionsOf(outline, cell), ...(heads ? { heads } : {}) };
  return {
    start: {
      kind: 'fork',
      parent,
      layer: layersBefore(outline, cell) + span.fork,
      position: firstCarried(outline, cell, architecture.isCausal),
    },
    edits: replaceWindow(span, component, location, (site) => ({ kind: 'row', row: source, site, location })),
  };
}
