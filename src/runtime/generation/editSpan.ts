// At which positions of a growing sequence an edit acts: a function of the absolute position alone, so that it does not
// matter in how many passes the sequence is computed, and a kept prefix is known to be edited or not.
//
// Positions after the prompt are spoken of as what their states predict: step 0 is the prompt's last position, whose
// state makes the first new token; step k is the position of new token k - 1, fed back to make new token k.

import { PlanError } from '../plan/plan.ts';

export interface StepRange {
  /** The first step; default 0. */
  readonly from?: number;
  /** How many steps; default without end. */
  readonly count?: number;
  /** Only each n-th of them, the first included; default 1. */
  readonly every?: number;
}

/** An edit acts at the union of both. */
export interface EditSpan {
  /** Positions of the prompt; negative ones count from its end. Default none. */
  readonly prompt?: 'all' | 'none' | readonly number[];
  /** Default: all steps where `prompt` is not given, else none. */
  readonly steps?: 'all' | 'none' | StepRange;
}

export type ActsAt = (position: number) => boolean;

const isCount = (value: number, least: number): boolean => Number.isInteger(value) && value >= least;

function stepsOf(steps: EditSpan['steps']): (step: number) => boolean {
  if (steps === 'all') return (step) => step >= 0;
  if (steps === 'none' || steps === undefined) return () => false;
  const { from = 0, count = Number.POSITIVE_INFINITY, every = 1 } = steps;
  if (!isCount(from, 0)) throw new PlanError(`Steps begin at a whole number from 0 on, not at ${from}.`);
  if (count !== Number.POSITIVE_INFINITY && !isCount(count, 1))
    throw new PlanError(`An edit acts at a whole number of steps from 1 on, not at ${count}.`);
  if (!isCount(every, 1))
    throw new PlanError(`An edit acts at every n-th step, n a whole number from 1 on, not ${every}.`);
  return (step) => step >= from && step < from + count && (step - from) % every === 0;
}

/**
 * @param promptLength tokens of the prompt
 * @throws PlanError for a position that the prompt does not have, and steps that are no whole numbers
 */
export function actsAt({ prompt, steps }: EditSpan, promptLength: number): ActsAt {
  const atStep = stepsOf(steps ?? (prompt === undefined ? 'all' : 'none'));
  const chosen = new Set<number>();
  for (const given of typeof prompt === 'object' ? prompt : []) {
    const position = given < 0 ? promptLength + given : given;
    if (!isCount(position, 0) || position >= promptLength)
      throw new PlanError(
        `The prompt has no position ${given}: it has ${promptLength} tokens, 0 to ${promptLength - 1}, or -${promptLength} to -1 from its end.`,
      );
    chosen.add(position);
  }
  return (position) =>
    position < promptLength && (prompt === 'all' || chosen.has(position))
      ? true
      : atStep(position - promptLength + 1);
}
