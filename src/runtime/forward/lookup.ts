// What the executor asks of a plan again and again, answered in constant time: a sweep has thousands of rows and reads.

import type { Architecture } from '../../architectures/architecture.ts';
import type { KeptRow } from '../plan/keptRow.ts';
import { memoryAt, type Schedule, type ScheduledRead, type ScheduledRow } from '../plan/scheduled.ts';
import { partAt, type StackPlan, type StackStage, widthOf } from '../plan/stacks.ts';
import { headStage, type Stage } from '../plan/stage.ts';
import { type CaptureRequest, captureRequests } from './captureRequests.ts';
import { stateOwner } from './handedStates.ts';

export interface IndexedRead {
  readonly index: number;
  readonly read: ScheduledRead;
}

const none: readonly never[] = [];

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

const at = (row: number, stage: Stage): string => `${row} ${stage}`;

export class Lookup {
  readonly plan: StackPlan;
  readonly schedule: Schedule;
  /** Rows of earlier plans. */
  readonly kept: readonly { readonly row: number; readonly kept: KeptRow }[];
  readonly #head: Stage;
  readonly #architecture: Architecture;
  readonly #reads: ReadonlyMap<string, readonly IndexedRead[]>;
  readonly #captures: ReadonlyMap<string, readonly CaptureRequest[]>;
  /** Rows that fork at a layer, and the parents that they fork from there. */
  readonly #forks: ReadonlyMap<Stage, readonly { readonly row: number; readonly parent: number }[]>;
  /** Rows that take a state from another, by that row. */
  readonly #successors: ReadonlyMap<number | undefined, readonly ScheduledRow[]>;

  /** @param handsStates rows that fork at a position begin with states of a recurrence */
  constructor(
    architecture: Architecture,
    schedule: Schedule,
    readonly handsStates = false,
  ) {
    const { plan } = schedule;
    this.#architecture = architecture;
    this.plan = plan;
    this.schedule = schedule;
    this.kept = plan.rows.flatMap(({ start }, row) =>
      start.kind === 'kept' ? [{ row, kept: start.kept }] : [],
    );
    this.#head = headStage(architecture);
    this.#reads = groupBy(
      schedule.reads.map((read, index) => ({ index, read })),
      ({ read }) => at(read.row, read.stage),
    );
    this.#captures = groupBy(captureRequests(schedule), ({ row, stage }) => at(row, stage));
    const forks = plan.rows.flatMap(({ start }, row) =>
      start.kind === 'fork' ? [{ row, parent: start.parent, layer: start.layer }] : [],
    );
    this.#forks = groupBy(forks, ({ layer }) => layer);
    this.#successors = groupBy(schedule.rows, stateOwner);
  }

  row(row: number): ScheduledRow {
    const found = this.schedule.rows[row];
    if (!found) throw new Error(`Row ${row} is not in the schedule.`);
    return found;
  }

  /** Rows of which a row reads what they hand on at a stage: keys and values, or a state. */
  ownersOf(row: number, stage: Stage): readonly number[] {
    const scheduled = this.row(row);
    const memory = memoryAt(scheduled, stage);
    const past = this.handsStates ? scheduled.past.slice(-1) : scheduled.past;
    return [...past.map((segment) => segment.row), ...(memory ? [memory.row] : [])];
  }

  /** Positions at which rows that are alive at a stage fork from a row, ascending. */
  forkPositions(row: number, stage: Stage): readonly number[] {
    const forks = (this.#successors.get(row) ?? none).filter(
      ({ start, end }) => start <= stage && stage <= end,
    );
    return [...new Set(forks.map(({ first }) => first))].sort((a, b) => a - b);
  }

  readsAt(row: number, stage: Stage): readonly IndexedRead[] {
    return this.#reads.get(at(row, stage)) ?? none;
  }

  capturesAt(row: number, stage: Stage): readonly CaptureRequest[] {
    return this.#captures.get(at(row, stage)) ?? none;
  }

  forksAt(stage: Stage): readonly { readonly row: number; readonly parent: number }[] {
    return this.#forks.get(stage) ?? none;
  }

  /**
   * Positions of a row that are read or captured in the head, and those that an edit joins with them: only these pass it.
   * Ascending.
   */
  headPositions(row: number): readonly number[] {
    const positions = [
      ...this.readsAt(row, this.#head).flatMap(({ read }) => read.target.positions),
      ...this.capturesAt(row, this.#head).flatMap((request) => request.positions),
    ];
    const wanted = new Set(positions);
    const joining = (this.schedule.rows[row]?.edits ?? []).filter(
      ({ stage, fragment }) => stage === this.#head && (fragment.joined ?? 1) > 1,
    );
    // Once for each edit: what one joins may be wanted of the next.
    for (const _ of joining) {
      for (const { target } of joining) {
        if (target.positions.some((position) => wanted.has(position)))
          for (const position of target.positions) wanted.add(position);
      }
    }
    return [...wanted].sort((a, b) => a - b);
  }

  /** Entries of a state of the row. */
  widthOf(row: number): number {
    return widthOf(this.#architecture, this.row(row).stack);
  }

  /** Rows that are alive at a stage and pass nothing there: a decoder's while the encoder's layers run. */
  waitingAt(stage: Stage): readonly number[] {
    if (!this.#architecture.encoder) return none;
    return this.schedule.rows.flatMap(({ stack, start, end }, row) =>
      start <= stage && stage < end && !partAt(this.#architecture, { stack, stage }) ? [row] : [],
    );
  }

  /** Rows that pass a stage. Rows from tokens pass the embedding; only rows that are read there pass the head. */
  rowsAt({ stack, stage }: StackStage): readonly number[] {
    if (!partAt(this.#architecture, { stack, stage })) return none;
    return this.schedule.rows.flatMap((row, index) => {
      if (row.stack !== stack || stage < row.start || stage > row.end) return [];
      return stage === this.#head && this.headPositions(index).length === 0 ? [] : [index];
    });
  }

  /** Rows that pass a stage and whose state is needed at the next one, by themselves or by a row that forks there. */
  goingOn(stage: Stage): ReadonlySet<number> {
    const parents = this.forksAt(stage + 1).map(({ parent }) => parent);
    const rows = this.schedule.rows.flatMap((row, index) =>
      row.start <= stage && row.end > stage ? [index] : [],
    );
    return new Set([...rows, ...parents]);
  }
}
