// What takes from a run, while it passes, that which is to outlive it.

import type { DeviceTensor } from '../backends/backend.ts';
import type { Stage } from '../plan/stage.ts';
import type { PlacedRow } from './placedRow.ts';

/** Copies what is to outlive a run from its batches. */
export interface RowKeeper {
  /** Whether the keys and values of a batch are wanted. */
  readonly wantsPresent: (rows: readonly number[], stage: Stage) => boolean;
  /** @param hidden [tokens, width], what entered the stage */
  readonly takeHidden: (placed: readonly PlacedRow[], stage: Stage, hidden: DeviceTensor | undefined) => void;
  /** @param outputs of a batch: `present.keys` and `present.values` are [tokens, width] */
  readonly takePresent: (
    placed: readonly PlacedRow[],
    stage: Stage,
    outputs: Readonly<Record<string, DeviceTensor>>,
  ) => void;
}
