// A row in its batch, and the sizes of that batch: what sorting edits and reads into groups goes by.

import type { Memory, ScheduledEdit } from '../plan/scheduled.ts';

/** A row's place in a batch. */
export interface PlacedRow {
  readonly row: number;
  /** Place among the rows of the batch. */
  readonly place: number;
  /** The first position that it carries. */
  readonly first: number;
  /** Positions of its sequence. */
  readonly length: number;
  readonly memory?: Memory;
  /** Place of a position's token in the batch; undefined when the batch does not hold it. */
  readonly tokenOf: (position: number) => number | undefined;
  readonly edits: readonly ScheduledEdit[];
}

/** Padded sizes of a batch. */
export interface BatchSizes {
  readonly tokens: number;
  readonly rows: number;
  readonly queries: number;
  readonly keys: number;
  /** Of the encoder's positions; 0 where no row reads any. */
  readonly memory: number;
}

/** In the order of code units, the same wherever it runs. */
export const compareNames = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
