// The states of rows between stages, and their keys and values within a layer: slices of tensors that stay on the device.

import type { Arena } from '../backends/arena.ts';
import type { DeviceTensor, Piece } from '../backends/backend.ts';
import type { ScheduledRow } from '../plan/scheduled.ts';
import type { Stage } from '../plan/stage.ts';
import { ownTokens, type PastPlace } from './batch.ts';
import { stateOwner } from './handedStates.ts';
import type { Lookup } from './lookup.ts';

/** A row's tokens `at` and on of a tensor [tokens, width]. */
interface Slice {
  readonly tensor: DeviceTensor;
  readonly at: number;
}

interface Present {
  readonly keys: DeviceTensor;
  readonly values: DeviceTensor;
  readonly at: number;
  /** Keys; default the tokens that the row carries. */
  readonly count?: number;
  /** Where rows hand on states: the positions at which others fork from it, a window and a state for each. */
  readonly forks?: readonly number[];
}

/** So many entries of what a row left, at a place of a pool. */
interface PoolPiece {
  readonly present: Pick<Present, 'keys' | 'values'>;
  readonly from: number;
  readonly count: number;
  readonly at: number;
}

export interface Pooled {
  readonly tensor: DeviceTensor;
  /** Made for this batch alone. */
  readonly isTemporary: boolean;
}

export interface PastPool {
  readonly keys: Pooled;
  readonly values: Pooled;
  readonly places: ReadonlyMap<number, PastPlace>;
  /** Keys in the pool. */
  readonly count: number;
  /** Where rows begin with states: each one's place in the pool. */
  readonly starts?: readonly number[];
}

export class States {
  readonly #arena: Arena;
  readonly #lookup: Lookup;
  #entering = new Map<number, Slice>();
  #leaving = new Map<number, Slice>();
  #present = new Map<number, Present>();

  constructor(arena: Arena, lookup: Lookup) {
    this.#arena = arena;
    this.#lookup = lookup;
  }

  /** Rows that begin at this layer take their parent's states from their first position on. */
  fork(stage: Stage): void {
    for (const { row, kept } of this.#lookup.kept) {
      const present = kept.present.get(stage);
      if (present) this.#present.set(row, present);
      const { tensor, at } = kept.hidden;
      if (stage === kept.layer) this.#entering.set(row, { tensor, at: at - kept.position });
    }
    const parents = new Map(this.#lookup.forksAt(stage).map(({ row, parent }) => [row, parent]));
    const enter = (row: number): Slice => {
      const known = this.#entering.get(row);
      if (known) return known;
      const parent = parents.get(row);
      if (parent === undefined) throw new Error(`Row ${row} has no state to fork from at stage ${stage}.`);
      // A parent that forks at this very layer comes first, wherever it stands in the plan.
      const { tensor, at } = enter(parent);
      const slice = { tensor, at: at + this.#lookup.row(row).first - this.#lookup.row(parent).first };
      this.#entering.set(row, slice);
      return slice;
    };
    for (const row of parents.keys()) enter(row);
  }

  #slice(row: number): Slice {
    const slice = this.#entering.get(row);
    if (!slice) throw new Error(`Row ${row} has no state here.`);
    return slice;
  }

  /**
   * The states of a batch, [tokens, width], row r from token `offsets[r]` on: the last stage's tensor itself when the
   * rows lie in it just so, else a copy of their slices.
   */
  gather(batch: readonly number[], offsets: readonly number[], tokens: number): Pooled {
    const slices = batch.map((row) => this.#slice(row));
    const width = this.#lookup.widthOf(batch[0] ?? 0);
    const [first] = slices;
    const isWhole =
      first?.tensor.shape[0] === tokens &&
      slices.every(({ tensor, at }, r) => tensor === first.tensor && at === offsets[r]);
    if (first && isWhole) return { tensor: first.tensor, isTemporary: false };
    const pieces = slices.map(({ tensor, at }, r): Piece => {
      const count = ownTokens(this.#lookup.row(batch[r] ?? 0)) * width;
      return { from: tensor, start: at * width, count, at: (offsets[r] ?? 0) * width };
    });
    return { tensor: this.#arena.assemble([tokens, width], pieces), isTemporary: true };
  }

  /** Single positions of rows one after another, [tokens, width]. */
  gatherPositions(
    wanted: readonly { readonly row: number; readonly position: number }[],
    tokens: number,
  ): Pooled {
    const width = this.#lookup.widthOf(wanted[0]?.row ?? 0);
    const pieces = wanted.map(({ row, position }, index): Piece => {
      const { tensor, at } = this.#slice(row);
      const token = at + position - this.#lookup.row(row).first;
      return { from: tensor, start: token * width, count: width, at: index * width };
    });
    return { tensor: this.#arena.assemble([tokens, width], pieces), isTemporary: true };
  }

  /** The keys and values of all ancestors of these rows, and of what they read of another stack; undefined when they have none. */
  past(rows: readonly number[], stage: Stage): PastPool | undefined {
    const owners = [...new Set(rows.flatMap((row) => this.#lookup.ownersOf(row, stage)))];
    const held = owners.map((row) => {
      const present = this.#present.get(row);
      if (!present) throw new Error(`The keys of row ${row} were not kept.`);
      const scheduled = this.#lookup.row(row);
      return { row, present, first: scheduled.first, own: present.count ?? ownTokens(scheduled) };
    });
    const [only] = held;
    if (!only) return undefined;
    const { keys, values } = only.present;
    if (held.every(({ present }) => present.keys === keys)) {
      return {
        keys: { tensor: keys, isTemporary: false },
        values: { tensor: values, isTemporary: false },
        places: new Map(held.map(({ row, present, first }) => [row, { at: present.at, first }])),
        count: keys.shape[0] ?? 0,
      };
    }
    const places = new Map<number, PastPlace>();
    const pieces: PoolPiece[] = [];
    let count = 0;
    for (const { row, present, first, own } of held) {
      places.set(row, { at: count, first });
      pieces.push({ present, from: present.at, count: own, at: count });
      count += own;
    }
    return { ...this.#join(pieces, count), places };
  }

  /** The windows and states with which rows begin that fork at a position; undefined of rows that do not. */
  handed(rows: readonly ScheduledRow[]): PastPool | undefined {
    const wanted = rows.flatMap((row) => {
      const owner = stateOwner(row);
      if (owner === undefined) return [];
      const present = this.#present.get(owner);
      const fork = present?.forks?.indexOf(row.first) ?? -1;
      if (!present || fork < 0) throw new Error(`The state of row ${owner} was not kept.`);
      return [{ present, from: present.at + fork }];
    });
    const [only] = wanted;
    if (!only) return undefined;
    const { keys, values } = only.present;
    const places = new Map<number, PastPlace>();
    if (wanted.every(({ present }) => present.keys === keys)) {
      return {
        keys: { tensor: keys, isTemporary: false },
        values: { tensor: values, isTemporary: false },
        places,
        count: keys.shape[0] ?? 0,
        starts: wanted.map(({ from }) => from),
      };
    }
    const pieces: PoolPiece[] = [];
    const starts = wanted.map(({ present, from }) => {
      const known = pieces.findIndex((piece) => piece.present === present && piece.from === from);
      return known >= 0 ? known : pieces.push({ present, from, count: 1, at: pieces.length }) - 1;
    });
    return { ...this.#join(pieces, pieces.length), places, starts };
  }

  /** A pool of its own for a batch. */
  #join(pieces: readonly PoolPiece[], count: number): Pick<PastPool, 'keys' | 'values' | 'count'> {
    const padded = this.#arena.backend.paddedSize(count);
    const join = (pick: (present: PoolPiece['present']) => DeviceTensor): Pooled => {
      const [first] = pieces;
      const width = first ? (pick(first.present).shape[1] ?? 1) : 1;
      const moved = pieces.map(
        ({ present, from, count, at }): Piece => ({
          from: pick(present),
          start: from * width,
          count: count * width,
          at: at * width,
        }),
      );
      return { tensor: this.#arena.assemble([padded, width], moved), isTemporary: true };
    };
    return { keys: join(({ keys }) => keys), values: join(({ values }) => values), count: padded };
  }

  /** A row passes nothing at this stage, and enters the next as it entered this one. */
  wait(row: number): void {
    const slice = this.#entering.get(row);
    if (slice) this.#leaving.set(row, slice);
  }

  leave(row: number, tensor: DeviceTensor, at: number): void {
    this.#leaving.set(row, { tensor, at });
  }

  keep(row: number, present: Present): void {
    this.#present.set(row, present);
  }

  /** What leaves this stage enters the next; what neither uses is freed. */
  advance(): void {
    const kept = new Set([...this.#leaving.values()].map((slice) => slice.tensor));
    for (const { tensor } of this.#entering.values()) if (!kept.has(tensor)) this.#arena.dispose(tensor);
    for (const { keys, values } of this.#present.values()) {
      this.#arena.dispose(keys);
      this.#arena.dispose(values);
    }
    this.#entering = this.#leaving;
    this.#leaving = new Map();
    this.#present = new Map();
  }
}
