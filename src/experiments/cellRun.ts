// Runs an experiment whose results are cells: first its baselines, then the cells that change nothing, then unit by unit
// and batch by batch what has not arrived yet. Traces, patches and paths share it.

import type { Count } from './kind.ts';
import type { Samples } from './metrics.ts';
import type { Unit } from './units.ts';

export type Finished<Cell> = Cell & { readonly samples: Samples };

export interface ArrivedCells<Cell> {
  readonly kind: 'cells';
  readonly cells: readonly Finished<Cell>[];
  /** They change nothing: their samples are a baseline's, and no run of their own was measured. */
  readonly areUntouched?: true;
}

export type CellUpdate<Cell, Baselines> = ({ readonly kind: 'baselines' } & Baselines) | ArrivedCells<Cell>;

/** What changes a result of cells. */
export type CellChange<Result, Cell> =
  | { readonly kind: 'started'; readonly result: Result }
  | ArrivedCells<Cell>;

/** One kind's way of computing its cells, or parts of them. */
export interface CellRunner<Cell, Baselines, Batch, Part extends Cell = Cell> {
  baselines(): Promise<Baselines>;
  /** Cells that change nothing need no run. */
  untouched(baselines: Baselines): readonly Finished<Part>[];
  readonly units: readonly Unit<Batch>[];
  cells(batch: Batch, baselines: Baselines): Promise<readonly Finished<Part>[]>;
  /** Count a batch as done that needs no run. */
  skip(batch: Batch): void;
}

export interface CellRunOptions<Cell, Batch> {
  readonly signal?: AbortSignal;
  /**
   * Whether an earlier run of the same experiment has computed a cell: it is not computed again. With a batch, whether it
   * has what this batch would compute of it.
   */
  readonly isDone?: (cell: Cell, batch?: Batch) => boolean;
  /** Names of units that are not to run. */
  readonly leaveOut?: ReadonlySet<string>;
  /** The run ends behind the first batch that is computed. */
  readonly isFirstBatchOnly?: boolean;
}

/**
 * @throws the signal's reason when it is aborted, between batches; cells that were yielded stay good, and `isDone` lets
 *         a later run go on from them with the same numbers, bit for bit
 */
export async function* runCells<
  Cell,
  Baselines,
  Batch extends { readonly cells: readonly Cell[] },
  Part extends Cell,
>(
  runner: CellRunner<Cell, Baselines, Batch, Part>,
  { signal, isDone = () => false, leaveOut, isFirstBatchOnly = false }: CellRunOptions<Cell, Batch>,
): AsyncGenerator<CellUpdate<Part, Baselines>, void> {
  signal?.throwIfAborted();
  const baselines = await runner.baselines();
  yield { kind: 'baselines', ...baselines };
  const untouched = runner.untouched(baselines).filter((cell) => !isDone(cell));
  if (untouched.length > 0) yield { kind: 'cells', cells: untouched, areUntouched: true };
  for (const { name, batches } of runner.units) {
    for (const batch of batches) {
      signal?.throwIfAborted();
      const isKnown = batch.cells.every((cell) => isDone(cell, batch));
      if (leaveOut?.has(name) || isKnown) {
        runner.skip(batch);
        continue;
      }
      yield { kind: 'cells', cells: await runner.cells(batch, baselines) };
      if (isFirstBatchOnly) return;
    }
  }
}

/** Cells that have arrived, and all. */
export function countCells(cells: readonly (Samples | null)[]): Count {
  return { done: cells.filter((samples) => samples !== null).length, total: cells.length };
}
