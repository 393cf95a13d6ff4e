// Components that are carried from position to position. What an edit makes of the later positions of its own row follows
// in the graph; rows that fork behind it compute the state again from what entered it, and would not know of the edit.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Draft } from './drafts.ts';
import { PlanError } from './plan.ts';
import type { ScheduledRow, Segment } from './scheduled.ts';
import { describeComponent } from './sites.ts';

export const isCarried = (architecture: Architecture, component: string): boolean =>
  describeComponent(architecture, component).isCarried === true;

/** The first edit of a carried component among some positions of a row, from a layer on. */
export function carriedEdit(
  architecture: Architecture,
  { edits }: Pick<Draft, 'edits'>,
  { layer, before }: { readonly layer: number; readonly before: number },
) {
  return edits.flatMap(({ site, stage, target }) => {
    if (stage < layer || !isCarried(architecture, site.component)) return [];
    return target.positions
      .filter((position) => position < before)
      .map((position) => ({ component: site.component, stage, position }));
  })[0];
}

/** @throws PlanError where a row forks behind an edited state of an ancestor */
export function checkCarriedForks(
  architecture: Architecture,
  row: number,
  { past, start }: Draft,
  draftOf: (row: number) => Draft,
): void {
  for (const { row: owner, to } of past) {
    const found = carriedEdit(architecture, draftOf(owner), { layer: start, before: to });
    if (!found) continue;
    throw new PlanError(
      `Row ${row} forks at position ${to} from row ${owner}, in which '${found.component}' of layer ${found.stage} is edited at position ${found.position}: what follows from that state is not handed on. Fork at position ${found.position}, and repeat the edit.`,
    );
  }
}

const takesFrom = ({ past, start }: ScheduledRow, row: number, stage: number, position: number): boolean =>
  start <= stage && past.some((segment: Segment) => segment.row === row && position < segment.to);

/** @throws PlanError where a gradient is wanted at a state on which rows that fork behind it bear too */
export function checkCarriedGradients(
  architecture: Architecture,
  rows: readonly ScheduledRow[],
  at: readonly {
    readonly row: number;
    readonly component: string;
    readonly stage: number;
    readonly positions: readonly number[];
  }[],
): void {
  for (const { row, component, stage, positions } of at) {
    if (!isCarried(architecture, component)) continue;
    const fork = rows.findIndex((other) =>
      positions.some((position) => takesFrom(other, row, stage, position)),
    );
    if (fork < 0) continue;
    throw new PlanError(
      `The gradient at '${component}' of row ${row} does not count what row ${fork} makes of it, which forks behind it. Run row ${fork} from its start.`,
    );
  }
}
