// Runs an experiment whose results are cells: first its baselines, then the cells that change nothing, then unit by unit
// and batch by batch what has not arrived yet. Traces, patches and paths share it.

import type { Count } from './kind.ts';
import type { Samples } from './metrics.ts';
import type { Unit } from './units.ts';

export type Finished<Cell> = Cell & { readonly samples: Samples };

export type CellUpdate<Cell, Baselines> =
  | ({ readonly kind: 'baselines' } & Baselines)
  | { readonly kind: 'cells'; readonly cells: readonly Finished<Cell>[] };

/** What changes a result of cells. */
export type CellChange<Result, Cell> =
  | { readonly kind: 'started'; readonly result: Result }
  | { readonly kind: 'cells'; readonly cells: readonly Finished<Cell>[] };

/** One kind's way of computing its cells. */
export interface CellRunner<Cell, Baselines, Batch> {
  baselines(): Promise<Baselines>;
  /** Cells that change nothing need no run. */
  untouched(baselines: Baselines): readonly Finished<Cell>[];
  readonly units: readonly Unit<Batch>[];
  cells(batch: Batch, baselines: Baselines): Promise<readonly Finished<Cell>[]>;
  /** Count a batch as done that needs no run. */
  skip(batch: Batch): void;
}

export interface CellRunOptions<Cell> {
  readonly signal?: AbortSignal;
  /** Cells that an earlier run of the same experiment has computed: they are not computed again. */
  readonly isDone?: (cell: Cell) => boolean;
  /** Names of units that are not to run. */
  readonly leaveOut?: ReadonlySet<string>;
}

/**
 * @throws the signal's reason when it is aborted, between batches; cells that were yielded stay good, and `isDone` lets
 *         a later run go on from them with the same numbers, bit for bit
 */
export async function* runCells<Cell, Baselines, Batch extends { readonly cells: readonly Cell[] }>(
  runner: CellRunner<Cell, Baselines, Batch>,
  { signal, isDone = () => false, leaveOut }: CellRunOptions<Cell>,
): AsyncGenerator<CellUpdate<Cell, Baselines>, void> {
  signal?.throwIfAborted();
  const baselines = await runner.baselines();
  yield { kind: 'baselines', ...baselines };
  const untouched = runner.untouched(baselines).filter((cell) => !isDone(cell));
  if (untouched.length > 0) yield { kind: 'cells', cells: untouched };
  for (const { name, batches } of runner.units) {
    for (const batch of batches) {
      signal?.throwIfAborted();
      if (leaveOut?.has(name) || batch.cells.every(isDone)) runner.skip(batch);
      else yield { kind: 'cells', cells: await runner.cells(batch, baselines) };
    }
  }
}

/** Cells that have arrived, and all. */
export function countCells(cells: readonly (Samples | null)[]): Count {
  return { done: cells.filter((samples) => samples !== null).length, total: cells.length };
}
