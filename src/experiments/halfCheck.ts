// Measures how far a run in float16 is from float32: its first cells, and the runs that they lie between, are computed by the
// same model in float32 too, once and beside it.

import type { Model } from '../runtime/model.ts';
import type { CellChange } from './cellRun.ts';
import { ExperimentError } from './experimentFile.ts';
import type { Measured } from './kind.ts';
import type { Samples } from './metrics.ts';
import { type Deviation, largestDeviation } from './precision.ts';

interface HasBaselines {
  readonly clean: Samples;
  readonly corrupted: Samples | null;
}

/** What was computed: cells that change nothing are baselines, and are compared as such. @param answersOf the tokens that are watched */
export function measuredCells<Result extends HasBaselines, Cell extends object>(
  change: CellChange<Result, Cell>,
  answersOf: (result: Result) => readonly number[],
): Measured {
  if (change.kind === 'started') {
    const { clean, corrupted } = change.result;
    return {
      answers: answersOf(change.result),
      baselines: [clean, ...(corrupted ? [corrupted] : [])],
      cells: new Map(),
    };
  }
  if (change.areUntouched) return { baselines: [], cells: new Map() };
  return {
    baselines: [],
    cells: new Map(change.cells.map(({ samples, ...cell }) => [JSON.stringify(cell), samples])),
  };
}

const joined = (parts: readonly Measured[]): Measured => ({
  answers: parts.flatMap(({ answers }) => answers ?? []),
  baselines: parts.flatMap(({ baselines }) => baselines),
  cells: new Map(parts.flatMap(({ cells }) => [...cells])),
});

export interface HalfCheck<Change> {
  /** @returns how far it is, once all has come that was compared */
  take(change: Change): Promise<Deviation | undefined>;
}

/**
 * @param model    in float16
 * @param measured what a change of the run has measured
 * @param runFirst a run of the same experiment that ends with its first batch
 */
export function halfCheck<Change>(
  model: Pick<Model, 'inFull' | 'label'>,
  measured: (change: Change) => Measured,
  runFirst: (full: Model) => AsyncGenerator<Change, void>,
): HalfCheck<Change> {
  let full: Measured | undefined;
  let half = joined([]);
  let isOver = false;

  async function inFull(): Promise<Measured> {
    const inFloat32 = model.inFull();
    try {
      const parts: Measured[] = [];
      for await (const change of runFirst(inFloat32)) parts.push(measured(change));
      return joined(parts);
    } finally {
      await inFloat32.dispose();
    }
  }

  return {
    take: async (change) => {
      if (isOver) return undefined;
      half = joined([half, measured(change)]);
      full ??= await inFull();
      const { answers = [], baselines, cells } = full;
      if (answers.some((answer, at) => answer !== half.answers?.[at]))
        throw new ExperimentError(
          `In float16 ${model.label} predicts another token than in float32, so what is watched would differ. Name the answer, or choose float32.`,
        );
      const own = [...cells].flatMap(([name, exact]) => {
        const found = half.cells.get(name);
        return found ? [{ half: found, full: exact }] : [];
      });
      if (own.length < cells.size) return undefined;
      isOver = true;
      const runs = baselines.flatMap((exact, at) => {
        const found = half.baselines[at];
        return found ? [{ half: found, full: exact }] : [];
      });
      return { cells: own.length, largest: largestDeviation([...runs, ...own]) };
    },
  };
}
