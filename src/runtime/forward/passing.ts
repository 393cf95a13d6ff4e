// What passes a stage together. Rows are batched as the device's limits allow; and since the logits of every position of a
// long prompt may be larger than a batch may be, or than any buffer of the device, a row passes the head in pieces, and
// what was read of it is put together again.

import { type Architecture, numbersHeld } from '../../architectures/architecture.ts';
import type { Backend } from '../backends/backend.ts';
import type { ReadResult } from '../plan/plan.ts';
import type { ScheduledRead } from '../plan/scheduled.ts';
import { headStage, type Stage } from '../plan/stage.ts';
import { ownTokens } from './batch.ts';
import type { Lookup } from './lookup.ts';
import type { TapMember } from './taps.ts';

/** A row; in the head, the positions of it that pass together. */
export interface Passing {
  readonly row: number;
  readonly positions: readonly number[];
}

/** Rows in pieces of at most `most` positions. A row stays whole where its positions are needed together. */
function headPieces(lookup: Lookup, rows: readonly number[], head: Stage, most: number): readonly Passing[] {
  return rows.flatMap((row): readonly Passing[] => {
    const positions = lookup.headPositions(row);
    const joins = lookup
      .row(row)
      .edits.some(({ stage, fragment }) => stage === head && (fragment.joined ?? 1) > 1);
    if (positions.length <= most || joins || lookup.capturesAt(row, head).length > 0)
      return [{ row, positions }];
    return Array.from({ length: Math.ceil(positions.length / most) }, (_, at) => ({
      row,
      positions: positions.slice(at * most, (at + 1) * most),
    }));
  });
}

/** Intermediates that are alive at once when a batch is computed again and differentiated, for one in a forward pass. */
const backwardFactor = 4;

/** Numbers that each position of a row has of a component that is carried, where somebody looks at it. */
function carriedNumbers(
  { components }: Architecture,
  lookup: Lookup,
  rows: readonly number[],
  stage: Stage,
): number {
  const isLookedAt = (name: string) => (row: number) =>
    lookup.row(row).edits.some((edit) => edit.stage === stage && edit.site.component === name) ||
    lookup.readsAt(row, stage).some(({ read }) => read.site.component === name) ||
    lookup.capturesAt(row, stage).some(({ component }) => component === name);
  const found = components.filter(({ isCarried, name }) => isCarried && rows.some(isLookedAt(name)));
  return Math.max(0, ...found.map(({ width }) => width));
}

/** Numbers that each row has of the states that are kept where others fork from one of these. */
function keptNumbers(
  { recurrence }: Architecture,
  lookup: Lookup,
  rows: readonly number[],
  stage: Stage,
): number {
  if (!recurrence || !lookup.handsStates) return 0;
  const most = Math.max(0, ...rows.map((row) => lookup.forkPositions(row, stage).length));
  return most === 0 ? 0 : recurrence.numbersKept(lookup.schedule.longest.main, most);
}

/** @param isRecorded whether batches will be computed again and differentiated, which is done of rows as a whole */
export function batchesOf(
  rows: readonly number[],
  stage: Stage,
  context: { readonly architecture: Architecture; readonly backend: Backend; readonly batchShare: number },
  { lookup, isRecorded }: { readonly lookup: Lookup; readonly isRecorded: boolean },
): readonly (readonly Passing[])[] {
  const { architecture, backend, batchShare } = context;
  const isHead = stage === headStage(architecture);
  const begin = rows.filter((row) => lookup.row(row).past.length > 0);
  if (lookup.handsStates && !isHead && begin.length > 0 && begin.length < rows.length) {
    // Rows that begin with a state pass a graph of their own.
    const others = rows.filter((row) => lookup.row(row).past.length === 0);
    return [others, begin].flatMap((each) => batchesOf(each, stage, context, { lookup, isRecorded }));
  }
  const ofSequence = Math.max(...Object.values(lookup.schedule.longest));
  const isBegun = lookup.handsStates && begin.length > 0;
  const most = (batchShare * backend.batchBytes) / (isRecorded ? backwardFactor : 1) / 4;
  const mostTokens = Math.max(1, Math.floor(batchShare * backend.batchTokens));
  const inHead = Math.floor(most / architecture.vocabularySize);
  const piece = isRecorded ? Number.POSITIVE_INFINITY : Math.max(1, Math.min(inHead, mostTokens));
  const passing = isHead
    ? headPieces(lookup, rows, stage, piece)
    : rows.map((row) => ({ row, positions: [] }));
  const carried = carriedNumbers(architecture, lookup, rows, stage);
  const kept = isHead ? 0 : keptNumbers(architecture, lookup, rows, stage);
  const batches: Passing[][] = [];
  let tokens = 0;
  let longest = 0;
  const held = (widest: number) => {
    const positions = isBegun ? widest : ofSequence;
    return Math.max(carried * positions, numbersHeld(architecture, widest, positions));
  };
  for (const each of passing) {
    const own = isHead ? each.positions.length : ownTokens(lookup.row(each.row));
    const widest = Math.max(longest, own);
    // Attention pads every row of a batch to its longest; in the head tokens lie flat.
    const numbers = isHead
      ? (tokens + own) * architecture.vocabularySize
      : ((batches.at(-1)?.length ?? 0) + 1) * Math.max(held(widest), kept);
    const isFull = tokens + own > mostTokens || numbers > most;
    if (batches.length === 0 || isFull) batches.push([]);
    batches.at(-1)?.push(each);
    tokens = isFull ? own : tokens + own;
    longest = isFull ? own : widest;
  }
  return batches;
}

/** Results of which some positions are still to come. */
export class PartialReads {
  readonly #parts = new Map<number, { readonly member: TapMember; readonly result: ReadResult }[]>();

  /** @returns the whole result, once its last part is there; each output is [units, ...], in the order of the read */
  take(
    index: number,
    { target }: ScheduledRead,
    member: TapMember,
    result: ReadResult,
  ): ReadResult | undefined {
    if (member.location.positions.length === target.positions.length) return result;
    const parts = [...(this.#parts.get(index) ?? []), { member, result }];
    this.#parts.set(index, parts);
    const arrived = parts.reduce((sum, { member: { location } }) => sum + location.positions.length, 0);
    if (arrived < target.positions.length) return undefined;
    this.#parts.delete(index);
    return Object.fromEntries(
      Object.entries(result).map(
        ([
          name,
          {
            shape: [, ...rest],
          },
        ]) => {
          const byPosition = new Map(
            parts.flatMap(({ member: { location }, result: part }) => {
              const data = part[name]?.data ?? [];
              const each = data.length / location.positions.length;
              return location.positions.map(
                (position, at) => [position, { data, from: at * each, to: (at + 1) * each }] as const,
              );
            }),
          );
          const numbers = target.positions.flatMap((position) => byPosition.get(position) ?? []);
          const total = numbers.reduce((sum, { from, to }) => sum + to - from, 0);
          const isWhole = result[name]?.data instanceof Int32Array;
          const data = isWhole ? new Int32Array(total) : new Float32Array(total);
          let at = 0;
          for (const { data: part, from, to } of numbers) {
            for (let index = from; index < to; index++) data[at++] = part[index] ?? 0;
          }
          return [
            name,
            { shape: [parts.reduce((sum, { member: { count } }) => sum + count, 0), ...rest], data },
          ];
        },
      ),
    );
  }
}
