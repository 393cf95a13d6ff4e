// The index arrays with which a batch of rows enters a block: where each row's tokens lie, which keys it sees.

import { nowhere, type StackName } from '../../architectures/architecture.ts';
import { memoryAt, type ScheduledRow } from '../plan/scheduled.ts';
import type { Stage } from '../plan/stage.ts';

/** Where an ancestor's keys and values lie in the pool of past keys. */
export interface PastPlace {
  /** Place of the ancestor's first own position. */
  readonly at: number;
  /** That position. */
  readonly first: number;
}

export interface BatchIndices {
  /** Tokens of all rows, padding excluded. */
  readonly tokenCount: number;
  /** Padded sizes. */
  readonly tokens: number;
  readonly rows: number;
  readonly queries: number;
  readonly keys: number;
  readonly positions: Int32Array;
  /** Positions of the sequence that each token stands in. */
  readonly lengths: Int32Array;
  readonly queryIndex: Int32Array;
  readonly queryPositions: Int32Array;
  readonly keyIndex: Int32Array;
  readonly keyPositions: Int32Array;
  readonly tokenSlot: Int32Array;
  /** Padded number of the encoder's positions for each row, 0 where no row reads any, and where they lie among the past keys. */
  readonly memory: number;
  readonly memoryIndex: Int32Array;
  readonly memoryPositions: Int32Array;
  /** Place of each token's own key in [rows * keys]. */
  readonly keySlot: Int32Array;
  /** Place of each row's first token. */
  readonly offsets: readonly number[];
}

export interface BatchOptions {
  readonly stage: Stage;
  /** Positions of the longest sequence of each stack of the plan: the same for every batch, so that softmax adds in the same order. */
  readonly longest: Readonly<Record<StackName, number>>;
  /** Where ancestors lie among the past keys, by row. */
  readonly past: ReadonlyMap<number, PastPlace>;
  /** Number of past keys; the batch's own follow. */
  readonly pastCount: number;
  readonly paddedSize: (size: number) => number;
}

export const ownTokens = (row: ScheduledRow): number => row.length - row.first;

export function indexBatch(rows: readonly ScheduledRow[], options: BatchOptions): BatchIndices {
  const tokenCount = rows.reduce((sum, row) => sum + ownTokens(row), 0);
  const tokens = options.paddedSize(tokenCount);
  const rowCount = options.paddedSize(rows.length);
  const queries = options.paddedSize(rows.reduce((most, row) => Math.max(most, ownTokens(row)), 1));
  const keys = options.paddedSize(options.longest[rows[0]?.stack ?? 'main']);
  const memories = rows.map((row) => memoryAt(row, options.stage));
  const read = memories.find((each) => each !== undefined);
  const memory = read ? options.paddedSize(options.longest[read.stack]) : 0;
  const positions = new Int32Array(tokens);
  const lengths = new Int32Array(tokens);
  const tokenSlot = new Int32Array(tokens);
  const keySlot = new Int32Array(tokens);
  const queryIndex = new Int32Array(rowCount * queries);
  const queryPositions = new Int32Array(rowCount * queries).fill(-1);
  const keyIndex = new Int32Array(rowCount * keys);
  const keyPositions = new Int32Array(rowCount * keys).fill(nowhere);
  const memoryIndex = new Int32Array(rowCount * memory);
  const memoryPositions = new Int32Array(rowCount * memory).fill(nowhere);
  const placeOf = (row: number): PastPlace => {
    const place = options.past.get(row);
    if (!place) throw new Error(`The keys of row ${row} are not among the past keys of this batch.`);
    return place;
  };
  const offsets: number[] = [];
  let offset = 0;
  rows.forEach((row, r) => {
    offsets.push(offset);
    const own = ownTokens(row);
    for (let i = 0; i < own; i++) {
      const slot = r * queries + i;
      positions[offset + i] = row.first + i;
      lengths[offset + i] = row.length;
      tokenSlot[offset + i] = slot;
      keySlot[offset + i] = r * keys + row.first + i;
      queryIndex[slot] = offset + i;
      queryPositions[slot] = row.first + i;
    }
    for (let position = 0; position < row.length; position++) keyPositions[r * keys + position] = position;
    for (const segment of row.past) {
      const place = placeOf(segment.row);
      for (let position = segment.from; position < segment.to; position++) {
        keyIndex[r * keys + position] = place.at + position - place.first;
      }
    }
    const from = memories[r];
    if (from && options.past.size > 0) {
      const { at } = placeOf(from.row);
      for (let position = 0; position < from.length; position++) {
        memoryIndex[r * memory + position] = at + position;
        memoryPositions[r * memory + position] = position;
      }
    }
    for (let i = 0; i < own; i++) keyIndex[r * keys + row.first + i] = options.pastCount + offset + i;
    offset += own;
  });
  return {
    tokenCount,
    tokens,
    rows: rowCount,
    queries,
    keys,
    positions,
    lengths,
    queryIndex,
    queryPositions,
    keyIndex,
    keyPositions,
    tokenSlot,
    memory,
    memoryIndex,
    memoryPositions,
    keySlot,
    offsets,
  };
}
