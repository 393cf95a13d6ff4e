// A row that an earlier plan left on the device, for later plans to fork from.

import type { DeviceTensor } from '../backends/backend.ts';
import type { Stage } from './stage.ts';

/** Tokens `at` and on of a tensor [tokens, width]. */
export interface KeptSlice {
  readonly tensor: DeviceTensor;
  readonly at: number;
}

/** Keys and values of a row in one layer; the first of them, at `at`, are those of position 0. */
export interface KeptPresent {
  readonly keys: DeviceTensor;
  readonly values: DeviceTensor;
  readonly at: number;
  readonly count: number;
}

/** A row as far as rows that fork from it need it. */
export interface KeptRow {
  /** Positions of its sequence. */
  readonly length: number;
  readonly layer: number;
  readonly position: number;
  /** States of the positions from `position` on. */
  readonly hidden: KeptSlice;
  /** By layer; empty where `position` is 0. */
  readonly present: ReadonlyMap<Stage, KeptPresent>;
}
