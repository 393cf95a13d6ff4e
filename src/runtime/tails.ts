// Of what a prompt predicts only the last positions are read, as a rule. There the last layer needs the keys and values of
// the positions before them and nothing else, so a row that passes it is cut in two: the row itself, which only leaves its
// keys and values, and a tail, which forks at the entrance of the last layer with the positions that are read.

import type { Architecture } from '../architectures/architecture.ts';
import type { Plan, Row } from './plan.ts';
import { type Schedule, type ScheduledRead, type ScheduledRow, schedule } from './schedule.ts';
import { headStage, type Stage } from './sites.ts';

/** A plan as it runs: rows and reads of the given one at their places, tails after them. */
export interface ExecutablePlan {
  readonly plan: Plan;
  readonly schedule: Schedule;
}

/** Where the tail of a row begins; undefined where it would save nothing, or change something. */
function tailOf(
  { start, first, edits }: ScheduledRow,
  reads: readonly ScheduledRead[],
  head: Stage,
): number | undefined {
  const last = head - 1;
  const begin = Math.min(...reads.flatMap(({ stage, target }) => (stage === head ? target.positions : [])));
  if (!Number.isFinite(begin) || begin <= first || start >= last) return undefined;
  if (reads.some(({ stage }) => stage === last)) return undefined;
  const isTouched = edits.some(
    ({ stage, target }) =>
      stage === head || (stage === last && target.positions.some((position) => position >= begin)),
  );
  return isTouched ? undefined : begin;
}

/**
 * Schedule a plan, with tails where they save work. Results are the same, but for the order in which float32 sums are made.
 * @param ends stages that rows must reach, whatever is read of them
 * @throws PlanError as `schedule` does
 */
export function scheduleWithTails(
  architecture: Architecture,
  plan: Plan,
  ends?: ReadonlyMap<number, Stage>,
): ExecutablePlan {
  const whole = schedule(architecture, plan, ends);
  const head = headStage(architecture);
  if (!architecture.isCausal) return { plan, schedule: whole };
  const readsOf = new Map<number, ScheduledRead[]>();
  for (const read of whole.reads) {
    const own = readsOf.get(read.row);
    if (own) own.push(read);
    else readsOf.set(read.row, [read]);
  }
  const tails: Row[] = [];
  const tailRows = new Map<number, number>();
  whole.rows.forEach((row, index) => {
    if (row.end < head || ends?.has(index)) return;
    const position = tailOf(row, readsOf.get(index) ?? [], head);
    if (position === undefined) return;
    tailRows.set(index, plan.rows.length + tails.length);
    tails.push({ start: { kind: 'fork', parent: index, layer: head - 1, position }, edits: [] });
  });
  if (tails.length === 0) return { plan, schedule: whole };
  const reads = plan.reads.map((read, index) => {
    const tail = whole.reads[index]?.stage === head ? tailRows.get(read.row) : undefined;
    return tail === undefined ? read : { ...read, row: tail };
  });
  const cut = { rows: [...plan.rows, ...tails], reads };
  const { rowLayers, tokenLayers } = whole;
  return {
    plan: cut,
    // Progress counts the rows that were asked for.
    schedule: { ...schedule(architecture, cut, ends), countedRows: plan.rows.length, rowLayers, tokenLayers },
  };
}
