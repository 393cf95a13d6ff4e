// Rows of a recurrence that fork at a position: whether their ancestors hand states to them, or what entered the
// recurrence. States are less work, because the rows then go along their own positions alone; but a state may be far larger
// than what enters it at a position, so that many of them find no room.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Backend, TensorData } from '../backends/backend.ts';
import type { Schedule, ScheduledRow } from '../plan/scheduled.ts';

/** How many batches' worth of memory the states that are kept within a layer may take. */
export const mostHandedBatches = 4;

/** The row of which a row takes the state that stands before its first position. */
export const stateOwner = ({ past }: Pick<ScheduledRow, 'past'>): number | undefined => past.at(-1)?.row;

/**
 * Whether rows of a run hand on states. Rows that were kept hold what entered the recurrence.
 * @param device where it had no room for whole batches, with the part of one that it has room for
 */
export function handsStates(
  { recurrence }: Architecture,
  { plan, rows, longest }: Schedule,
  { batchBytes }: Pick<Backend, 'batchBytes'>,
): boolean {
  if (!recurrence) return false;
  if (plan.rows.some(({ start }) => start.kind === 'kept')) return false;
  const forks = new Map<number, Set<number>>();
  for (const row of rows) {
    const owner = stateOwner(row);
    if (owner !== undefined) forks.set(owner, (forks.get(owner) ?? new Set()).add(row.first));
  }
  const counts = [...forks.values()].map(({ size }) => size);
  const numbers = batchBytes / Float32Array.BYTES_PER_ELEMENT;
  const { windowWidth, stateWidth, numbersKept } = recurrence;
  const kept = counts.reduce((sum, count) => sum + count, 0) * (windowWidth + stateWidth);
  const isRoomy = counts.every((count) => numbersKept(longest.main, count) <= numbers);
  return counts.length > 0 && isRoomy && kept <= mostHandedBatches * numbers;
}

export interface HandedInput {
  readonly name: 'start_index' | 'kept_places';
  readonly data: TensorData;
  readonly shape: readonly number[];
}

/**
 * The indices with which a batch takes states and keeps them.
 * @param starts places of the states with which its rows begin
 * @param forks  positions at which others fork from its rows; undefined where none is alive
 */
export function handedInputs(
  rows: readonly ScheduledRow[],
  { starts, forks }: { readonly starts?: readonly number[]; readonly forks?: readonly (readonly number[])[] },
  { padded, paddedSize }: { readonly padded: number; readonly paddedSize: (size: number) => number },
): readonly HandedInput[] {
  const inputs: HandedInput[] = [];
  if (starts) {
    const data = new Int32Array(padded);
    data.set(starts);
    inputs.push({ name: 'start_index', data, shape: [padded] });
  }
  if (forks) {
    const kept = paddedSize(forks.reduce((most, { length }) => Math.max(most, length), 1));
    const data = new Int32Array(padded * kept);
    rows.forEach(({ first }, row) => {
      // The graph of rows that begin with a state goes along their own positions.
      const from = starts ? first : 0;
      data.set(
        (forks[row] ?? []).map((position) => position - 1 - from),
        row * kept,
      );
    });
    inputs.push({ name: 'kept_places', data, shape: [padded, kept] });
  }
  return inputs;
}
