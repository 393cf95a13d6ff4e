// Turns batches of cells into plans of rows, and says what they will cost before any of them runs.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Plan, Reduction, Row } from '../../runtime/plan/plan.ts';
import { promptRow, readLogits } from '../planRuns.ts';
import {
  batchCells,
  cellRow,
  cellSpan,
  type TraceBatch,
  type TraceCell,
  type TraceOutline,
} from './cells.ts';

export const cleanRow = (outline: TraceOutline): Row => promptRow(outline.tokens);

export interface CellsPlan {
  readonly plan: Plan;
  /** The cell and the sample, counted from the first corrupted row given, of each read. */
  readonly members: readonly { readonly cell: TraceCell; readonly sample: number }[];
}

/**
 * One plan for some cells under some samples of the corruption: the clean run, the corrupted ones, and a row for each
 * cell and sample.
 */
export function planCells(
  outline: TraceOutline,
  architecture: Architecture,
  cells: readonly TraceCell[],
  corrupted: readonly Row[],
  reduction?: Reduction,
): CellsPlan {
  // Rows of one length side by side waste no padding in attention.
  const members = [...cells]
    .sort((a, b) => a.position - b.position)
    .flatMap((cell) => corrupted.map((_, sample) => ({ cell, sample })));
  const first = 1 + corrupted.length;
  const rows = members.map(({ cell, sample }) => {
    const [parent, source] = outline.direction === 'restore' ? [1 + sample, 0] : [0, 1 + sample];
    return cellRow(outline, architecture, cell, parent, source);
  });
  return {
    plan: {
      rows: [cleanRow(outline), ...corrupted, ...rows],
      reads: members.map((_, index) => readLogits(first + index, outline.watched, reduction)),
    },
    members,
  };
}

/** Work before it is done. */
export interface TraceWork {
  /** Cells of all streams, those that change nothing included. */
  readonly cells: number;
  /** Batches in which they arrive. */
  readonly batches: number;
  readonly rows: number;
  /** Rows times the layers each passes: the unit of progress. */
  readonly rowLayers: number;
  /** Tokens times the layers each passes: what time goes by. */
  readonly tokenLayers: number;
}

/** Layers that the run passes which cells fork from, and the one which they take activations from. */
function wholeRunLayers(
  outline: TraceOutline,
  { layerCount, isCausal }: Architecture,
  cells: readonly TraceCell[],
): { readonly parent: number; readonly source: number } {
  const spans = cells.map((cell) => cellSpan(outline, layerCount, cell));
  // Keys and values of earlier positions are needed to the end.
  const isPast = isCausal && cells.some(({ position }) => position > 0);
  return {
    parent: isPast ? layerCount : Math.max(0, ...spans.map(({ fork }) => fork)),
    source: Math.max(0, ...spans.map(({ to }) => to)),
  };
}

interface BatchWork {
  readonly rows: number;
  readonly rowLayers: number;
  readonly tokenLayers: number;
}

function batchWork(outline: TraceOutline, architecture: Architecture, batch: TraceBatch): BatchWork {
  const { layerCount, isCausal } = architecture;
  const { cells, slices } = batch;
  const { samples, direction, tokens } = outline;
  const { parent, source } = wholeRunLayers(outline, architecture, cells);
  const [clean, corrupted] = direction === 'restore' ? [source, parent] : [parent, source];
  // Every slice of the samples repeats the clean run.
  let rowLayers = slices.length * clean + samples * corrupted;
  let tokenLayers = rowLayers * tokens.length;
  for (const cell of cells) {
    const layers = (layerCount - cellSpan(outline, layerCount, cell).fork) * samples;
    rowLayers += layers;
    tokenLayers += layers * (tokens.length - (isCausal ? cell.position : 0));
  }
  return { rows: slices.length + samples * (1 + cells.length), rowLayers, tokenLayers };
}

/** Progress that a batch is worth. */
export function batchRowLayers(outline: TraceOutline, architecture: Architecture, batch: TraceBatch): number {
  return batchWork(outline, architecture, batch).rowLayers;
}

/**
 * What a trace will cost, from its outline alone and without planning it: cheap enough to be asked at every keystroke.
 * `runTrace` reports progress towards the same `rowLayers`.
 */
export function estimateTrace(architecture: Architecture, outline: TraceOutline): TraceWork {
  const { layerCount } = architecture;
  const batches = batchCells(outline, architecture);
  const whole = 1 + outline.samples;
  const work = batches.map((batch) => batchWork(outline, architecture, batch));
  const sum = (pick: (part: BatchWork) => number) => work.reduce((total, part) => total + pick(part), 0);
  return {
    cells: outline.streams.length * layerCount * outline.positions.length,
    batches: batches.length,
    rows: whole + sum(({ rows }) => rows),
    rowLayers: whole * layerCount + sum(({ rowLayers }) => rowLayers),
    tokenLayers: whole * layerCount * outline.tokens.length + sum(({ tokenLayers }) => tokenLayers),
  };
}

/** Tokens that the largest batch carries from layer to layer. */
export function mostTokensTogether(architecture: Architecture, outline: TraceOutline): number {
  const { tokens } = outline;
  const carried = ({ slices: [slice], cells }: TraceBatch) =>
    ((slice?.to ?? 0) - (slice?.from ?? 0)) *
    cells.reduce((total, { position }) => total + tokens.length - position, tokens.length);
  return tokens.length + Math.max(0, ...batchCells(outline, architecture).map(carried));
}
