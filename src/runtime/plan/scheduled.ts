// A plan with everything worked out that running it needs: what `schedule` makes, and all that runs it reads.

import type { StackName } from '../../architectures/architecture.ts';
import type { Edit, Read } from './plan.ts';
import type { ResolvedLocation } from './sites.ts';
import type { StackPlan } from './stacks.ts';
import type { Stage } from './stage.ts';

/** Positions `from` to `to` (exclusive) of a row's sequence whose keys and values are another row's. */
export interface Segment {
  readonly row: number;
  readonly from: number;
  readonly to: number;
}

export interface ScheduledEdit extends Edit {
  readonly stage: Stage;
  readonly target: ResolvedLocation;
  /** Present when the source is a row. */
  readonly origin?: {
    readonly row: number;
    readonly stage: Stage;
    readonly component: string;
    readonly location: ResolvedLocation;
  };
}

/** The row of another stack that a row reads, the positions of its sequence, and the reader's own layers: it reads in them alone. */
export interface Memory {
  readonly row: number;
  readonly length: number;
  readonly stack: StackName;
  readonly from: Stage;
  readonly to: Stage;
}

/** What a row reads of another stack at a stage. */
export const memoryAt = ({ memory }: Pick<ScheduledRow, 'memory'>, stage: Stage): Memory | undefined =>
  memory && stage >= memory.from && stage < memory.to ? memory : undefined;

export interface ScheduledRow {
  readonly stack: StackName;
  readonly memory?: Memory;
  /** Positions of the whole sequence. */
  readonly length: number;
  /** The first position that the row carries itself. */
  readonly first: number;
  /** The stage at which it enters: `embedStage` for tokens, a layer for a fork. */
  readonly start: Stage;
  /** The last stage at which something is needed of it. */
  readonly end: Stage;
  /** Rows of a lower rank run before it inside a layer. */
  readonly rank: number;
  /** Owners of the positions before `first`, in order. */
  readonly past: readonly Segment[];
  readonly edits: readonly ScheduledEdit[];
}

export interface ScheduledRead extends Read {
  readonly stage: Stage;
  readonly target: ResolvedLocation;
}

export interface Schedule {
  /** The plan, taken apart by stack: what rows are numbered by here. */
  readonly plan: StackPlan;
  readonly rows: readonly ScheduledRow[];
  readonly reads: readonly ScheduledRead[];
  /** Positions of the longest sequence of each stack. */
  readonly longest: Readonly<Record<StackName, number>>;
  /** Rows times the layers each passes: the unit of progress. */
  readonly rowLayers: number;
  /** Tokens times the layers each passes: the work. */
  readonly tokenLayers: number;
}
