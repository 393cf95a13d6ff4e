// What a model asks of a device that had no room for it: no rehearsal, on which no number depends; smaller batches, which cost
// little; then weights that stay packed; then weights that are read again for every run. Each step but the first is said, and
// each is taken on a device that was opened anew.

import type { OutOfMemoryError } from '../backends/backend.ts';
import type { WeightResidency } from './residency.ts';

export interface Room {
  /** Of a batch as the backend would have it: 1, or a part. */
  readonly batchShare: number;
  /** At least so little of the weights stays on the device; absent as there is room by the sizes. */
  readonly residency?: WeightResidency;
  /** Its first layers are not run while its weights arrive (runtime/rehearsal.ts). */
  readonly isUnrehearsed?: true;
  /** What was given up, in sentences, in the order in which it was. */
  readonly notices: readonly string[];
}

export const wholeRoom: Room = { batchShare: 1, notices: [] };

const residencies = ['expanded', 'packed', 'streamed'] as const satisfies readonly WeightResidency[];

/** The more sparing of two. */
export const sparing = (one: WeightResidency, other: WeightResidency | undefined): WeightResidency =>
  other === undefined || residencies.indexOf(one) > residencies.indexOf(other) ? one : other;

const batchShares = [
  [1 / 4, 'a quarter'],
  [1 / 16, 'a sixteenth'],
] as const;

const waiting: Readonly<Record<WeightResidency, string>> = {
  expanded: 'weights stay in float32',
  packed: 'weights stay packed, and each layer is expanded when it runs',
  streamed: 'weights are read again for every run',
};

/**
 * The next step down.
 * @param model that ran when memory ran out; absent where its weights had no room
 * @returns undefined where nothing is left to give up
 */
export function lessRoom(
  room: Room,
  error: OutOfMemoryError,
  model?: {
    readonly residency: WeightResidency;
    readonly isImported?: boolean;
    readonly rehearsal?: { readonly hadNoRoom: boolean };
  },
): Room | undefined {
  if (model?.isImported) return undefined;
  const wasRehearsed = model ? model.rehearsal?.hadNoRoom : error.isRehearsed;
  if (wasRehearsed && !room.isUnrehearsed) return { ...room, isUnrehearsed: true };
  const { notices } = room;
  const smaller = model && batchShares.find(([share]) => share < room.batchShare);
  if (smaller) {
    const [batchShare, words] = smaller;
    const notice = `The GPU's memory ran out, so batches hold ${words} of what they would: it takes longer, and last digits may differ.`;
    return { ...room, batchShare, notices: [...notices, notice] };
  }
  const held = model?.residency ?? error.held ?? 'expanded';
  const residency = residencies[residencies.indexOf(held) + 1];
  if (!residency) return undefined;
  const notice = `The GPU's memory ran out${model ? ' again' : ' while weights arrived'}, so ${waiting[residency]}: the numbers are the same, and it takes longer.`;
  return { ...room, residency, notices: [...notices, notice] };
}
