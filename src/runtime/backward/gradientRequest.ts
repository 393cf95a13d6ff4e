// Checks what a plan asks to differentiate, and works out what its forward and backward passes need.

import type { Architecture } from '../../architectures/architecture.ts';
import { checkCarriedGradients } from '../plan/carried.ts';
import { type Plan, PlanError } from '../plan/plan.ts';
import { schedule } from '../plan/schedule.ts';
import type { ScheduledRead } from '../plan/scheduled.ts';
import { describeComponent, unitCount } from '../plan/sites.ts';
import type { GradientRequest } from './gradientExecution.ts';
import { gradientNeeds } from './gradientNeeds.ts';
import type { GradientPlan, Term } from './objective.ts';

/** @throws PlanError for a term of pairs, and for numbers that do not fit its units */
function checkTerm(architecture: Architecture, term: Term, { target }: ScheduledRead): void {
  const { objective, site, perUnit = {} } = term;
  if (describeComponent(architecture, site.component).layout === 'pair') {
    throw new PlanError(
      `The objective '${objective.key}' cannot be taken of '${site.component}', whose batches are padded.`,
    );
  }
  const units = unitCount(target);
  for (const [name, { data, width }] of Object.entries(perUnit)) {
    if (data.length !== units * width) {
      throw new PlanError(
        `The objective '${objective.key}' is given ${data.length} numbers as '${name}'; ${units} units of width ${width} need ${units * width}.`,
      );
    }
  }
}

/**
 * @throws PlanError when the plan breaks a rule; the message says which and what would be right
 * @throws UnknownComponentError for a component that the model does not have
 */
export function gradientRequest(architecture: Architecture, plan: GradientPlan): GradientRequest {
  const { rows, reads = [], terms, at = [], of = [] } = plan;
  const asReads = [...terms, ...at].map(({ row, site, location }) => ({ row, site, location }));
  const forward: Plan = { rows, reads: [...reads, ...asReads] };
  const scheduled = schedule(architecture, forward);
  const placesOf = (from: number, count: number) => scheduled.reads.slice(from, from + count);
  const termReads = placesOf(reads.length, terms.length);
  const atReads = placesOf(reads.length + terms.length, at.length);
  for (const [index, term] of terms.entries()) {
    const read = termReads[index];
    if (read) checkTerm(architecture, term, read);
  }
  checkCarriedGradients(
    architecture,
    scheduled.rows,
    atReads.map(({ row, site, stage, target }) => ({
      row,
      component: site.component,
      stage,
      positions: target.positions,
    })),
  );
  const needs = gradientNeeds(architecture, {
    plan: scheduled.plan,
    schedule: scheduled,
    terms: termReads,
    at: atReads,
    of,
  });
  return { plan, forward, schedule: scheduled, terms: termReads, at: atReads, needs };
}
