// Works out which rows must be differentiated at which stages: those that something wanted bears on, and that bear on the
// objective. Both grow along the stages of a row, so each row has a first stage and a last.

import type { Architecture } from '../../architectures/architecture.ts';
import { type Fragment, PlanError } from '../plan/plan.ts';
import type { Schedule, ScheduledRead, ScheduledRow } from '../plan/scheduled.ts';
import { describeComponent } from '../plan/sites.ts';
import type { StackPlan } from '../plan/stacks.ts';
import type { Stage } from '../plan/stage.ts';

export interface NeedsRequest {
  readonly plan: StackPlan;
  readonly schedule: Schedule;
  readonly terms: readonly ScheduledRead[];
  readonly at: readonly ScheduledRead[];
  readonly of: readonly Fragment['parameters'][];
}

export interface Needs {
  /** Something wanted bears on what the row has at the stage, or on what enters it there. */
  readonly dependsAt: (row: number, stage: Stage) => boolean;
  readonly dependsBefore: (row: number, stage: Stage) => boolean;
  /** The gradient of the row is computed at the stage. */
  readonly isNeeded: (row: number, stage: Stage) => boolean;
  /** Rows times the stages at which they are needed. */
  readonly rowStages: number;
}

/** The first stage of each row on which something wanted bears. Rows of a lower rank are known before others ask. */
function firstDependent(order: readonly number[], request: NeedsRequest): readonly number[] {
  const { plan, schedule, at, of } = request;
  const wanted = new Set(of);
  const first = schedule.rows.map(() => Number.POSITIVE_INFINITY);
  const firstOf = (row: number) => first[row] ?? Number.POSITIVE_INFINITY;
  for (const { row, stage } of at) first[row] = Math.min(firstOf(row), stage);
  for (const row of order) {
    const { start, past, memory, edits } = schedule.rows[row] ?? { start: 0, past: [], edits: [] };
    const begin = plan.rows[row]?.start;
    const stages = [
      ...edits.flatMap(({ stage, fragment, origin }) => {
        const isTaken = origin !== undefined && firstOf(origin.row) <= origin.stage;
        return isTaken || wanted.has(fragment.parameters) ? [stage] : [];
      }),
      // What entered it depends already: one before its own first stage.
      ...(begin?.kind === 'fork' && firstOf(begin.parent) < begin.layer ? [begin.layer - 1] : []),
      ...past.map((segment) => Math.max(start, firstOf(segment.row))),
      ...(memory ? [Math.max(start, memory.from, firstOf(memory.row))] : []),
    ];
    first[row] = Math.min(firstOf(row), ...stages);
  }
  return first;
}

/** The last stage of each row that bears on the objective; before its start when it bears only on rows that forked there. */
function lastLive(order: readonly number[], request: NeedsRequest, lastLayer: Stage): readonly number[] {
  const { plan, schedule, terms } = request;
  const last = schedule.rows.map(() => Number.NEGATIVE_INFINITY);
  const extend = (row: number, stage: Stage) => {
    last[row] = Math.max(last[row] ?? Number.NEGATIVE_INFINITY, stage);
  };
  for (const { row, stage } of terms) extend(row, stage);
  for (const row of [...order].reverse()) {
    const own = last[row] ?? Number.NEGATIVE_INFINITY;
    const scheduled = schedule.rows[row];
    const { start, edits } = scheduled ?? { start: 0, edits: [] };
    const begin = plan.rows[row]?.start;
    if (begin?.kind === 'fork' && own >= begin.layer - 1) extend(begin.parent, begin.layer - 1);
    if (scheduled && own >= start) {
      for (const { row: owner } of scheduled.past) extend(owner, Math.min(own, lastLayer));
      // Before its own layers it has read nothing.
      const { memory } = scheduled;
      if (memory && own >= memory.from) extend(memory.row, Math.min(own, memory.to - 1));
    }
    for (const { origin, stage } of edits) if (origin && stage <= own) extend(origin.row, origin.stage);
  }
  return last;
}

/** @throws PlanError for parameters that no edit has, and for gradients that would have to pass the host */
export function gradientNeeds(architecture: Architecture, request: NeedsRequest): Needs {
  const { schedule, of } = request;
  const held = new Set(
    schedule.rows.flatMap(({ edits }) => edits.map(({ fragment }) => fragment.parameters)),
  );
  const missing = of.findIndex((parameters) => !held.has(parameters));
  if (missing >= 0) {
    throw new PlanError(
      `The parameters ${missing} that gradients are asked of belong to no edit of the plan. Give the very object that the edit's fragment holds.`,
    );
  }
  const order = schedule.rows.map((_, row) => row).sort((a, b) => rankOf(a) - rankOf(b));
  function rankOf(row: number): number {
    return schedule.rows[row]?.rank ?? 0;
  }
  const first = firstDependent(order, request);
  const last = lastLive(order, request, architecture.layerCount - 1);
  const firstOf = (row: number) => first[row] ?? Number.POSITIVE_INFINITY;
  const isNeeded = (row: number, stage: Stage) => {
    const { start, end } = schedule.rows[row] ?? { start: 0, end: -1 };
    const isLive = stage <= (last[row] ?? Number.NEGATIVE_INFINITY);
    return start <= stage && stage <= end && firstOf(row) <= stage && isLive;
  };
  refusePairSources(architecture, schedule.rows, (row, stage) => firstOf(row) <= stage, isNeeded);
  const stagesOf = ({ start, end }: ScheduledRow) =>
    Array.from({ length: Math.max(0, end - start + 1) }, (_, i) => start + i);
  return {
    dependsAt: (row, stage) => firstOf(row) <= stage,
    dependsBefore: (row, stage) => firstOf(row) < stage,
    isNeeded,
    rowStages: schedule.rows.reduce(
      (sum, scheduled, row) => sum + stagesOf(scheduled).filter((stage) => isNeeded(row, stage)).length,
      0,
    ),
  };
}

/** Sources of pair components pass through the host, where gradients cannot follow. */
function refusePairSources(
  architecture: Architecture,
  rows: readonly ScheduledRow[],
  dependsAt: Needs['dependsAt'],
  isNeeded: Needs['isNeeded'],
): void {
  for (const [row, { edits }] of rows.entries()) {
    for (const { origin, stage, site } of edits) {
      const isPair = describeComponent(architecture, site.component).layout === 'pair';
      if (!isPair || !origin || !isNeeded(row, stage) || !dependsAt(origin.row, origin.stage)) continue;
      throw new PlanError(
        `Row ${row} takes '${site.component}' from row ${origin.row}, on which something that gradients are asked of bears. Gradients do not pass from row to row through a component of pairs.`,
      );
    }
  }
}
