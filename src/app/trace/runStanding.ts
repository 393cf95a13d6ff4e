// What the run bar offers: which buttons, what they are called, and why a run cannot start.

import { isComplete, type TraceResult } from '../../experiments/trace/result.ts';
import type { EstimateState } from '../stores/estimate.ts';
import { isShownCurrent, type Shown, type TraceRun } from '../stores/trace.ts';
import type { Draft } from './draft.ts';

export interface RunStanding {
  /** Why nothing can be run; null when it can. */
  readonly why: string | null;
  /** Whether the reason is something to put right, not something to wait for. */
  readonly isProblem: boolean;
  readonly showsRun: boolean;
  readonly runLabel: string;
  /** There is something new to compute. */
  readonly isUrgent: boolean;
  readonly canResume: boolean;
  readonly isDone: boolean;
}

export interface Situation {
  readonly draft: Draft;
  readonly estimate: EstimateState;
  readonly hasModel: boolean;
  readonly isLoading: boolean;
  readonly run: TraceRun;
  readonly shown: Shown | null;
}

/** How many cells of a result have been computed. */
export function computedCells({ streams }: TraceResult): { readonly done: number; readonly total: number } {
  const all = streams.flatMap(({ cells }) => cells);
  return { done: all.filter((cell) => cell !== null).length, total: all.length };
}

function whyNot({ draft, estimate, hasModel, isLoading }: Situation): {
  why: string | null;
  isProblem: boolean;
} {
  const [problem] = draft.problems.values();
  if (problem !== undefined) return { why: problem, isProblem: true };
  if (!hasModel) {
    const why = isLoading ? 'The model is being loaded.' : 'Load a model to run the trace.';
    return { why, isProblem: false };
  }
  if (draft.key === null) return { why: 'The prompt is being split into tokens.', isProblem: false };
  if (estimate.status === 'refused' && estimate.key === draft.key)
    return { why: estimate.message, isProblem: true };
  return { why: null, isProblem: false };
}

export function runStanding(situation: Situation): RunStanding {
  const { draft, run, shown } = situation;
  const isCurrent = isShownCurrent(shown, draft);
  const isWhole = shown !== null && isComplete(shown.result);
  const isRunningThis = run.status === 'running' && run.key === draft.key && !run.isQuiet;
  const canResume = isCurrent && !isWhole && run.status !== 'running' && shown !== null;
  return {
    ...whyNot(situation),
    showsRun: !isRunningThis,
    runLabel: canResume ? 'Start over' : isCurrent && isWhole ? 'Run again' : 'Run',
    isUrgent: !isCurrent || !isWhole,
    canResume,
    isDone: isCurrent && isWhole,
  };
}
