// Turns batches of cells into plans of rows, and says what they will cost before any of them runs.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Location, Plan, Read, Reduction, Row } from '../../runtime/plan.ts';
import { schedule } from '../../runtime/schedule.ts';
import { batchCells, cellRow, type TraceCell, type TraceOutline } from './cells.ts';

const logits = { component: 'logits', layer: null };

const lastOf = (outline: TraceOutline): Location => ({ positions: [outline.tokens.length - 1] });

export const cleanRow = (outline: TraceOutline): Row => ({
  start: { kind: 'tokens', tokens: outline.tokens },
  edits: [],
});

export function readPrediction(outline: TraceOutline, row: number, reduction?: Reduction): Read {
  return { row, site: logits, location: lastOf(outline), ...(reduction ? { reduction } : {}) };
}

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
      reads: members.map((_, index) => readPrediction(outline, first + index, reduction)),
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

/** What a trace will cost, from its outline alone; `runTrace` reports progress towards the same `rowLayers`. */
export function estimateTrace(architecture: Architecture, outline: TraceOutline): TraceWork {
  const batches = batchCells(outline, architecture);
  const whole = 1 + outline.samples;
  let rows = whole;
  let rowLayers = whole * architecture.layerCount;
  let tokenLayers = rowLayers * outline.tokens.length;
  for (const { cells, slices } of batches) {
    for (const { from, to } of slices) {
      // Edits of the corrupted rows take nothing from other rows, so they change no row's way.
      const corrupted = Array.from({ length: to - from }, () => cleanRow(outline));
      const scheduled = schedule(architecture, planCells(outline, architecture, cells, corrupted).plan);
      rows += scheduled.rows.length;
      rowLayers += scheduled.rowLayers;
      tokenLayers += scheduled.tokenLayers;
    }
  }
  return {
    cells: outline.streams.length * architecture.layerCount * outline.positions.length,
    batches: batches.length,
    rows,
    rowLayers,
    tokenLayers,
  };
}
