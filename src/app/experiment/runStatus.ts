// What the run bar offers: which buttons, what they are called, and why a run cannot start.

import type { PageDefinition, PageTypes } from './definition.ts';
import type { AnyPageState } from './experimentPage.ts';
import { type DeskState, inTheWay } from './runDesk.ts';
import { isShownCurrent } from './session.ts';

export interface RunStatus {
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
  /** Another page's run is in the way, and can be cancelled from here. */
  readonly isHeld: boolean;
}

export interface Situation {
  readonly face: Pick<PageDefinition<PageTypes>, 'kind' | 'title' | 'noun'>;
  readonly state: Pick<AnyPageState, 'draft' | 'key' | 'estimate' | 'world' | 'run' | 'shown'>;
  readonly isLoading: boolean;
  readonly desk: DeskState;
}

type Reason = Pick<RunStatus, 'why' | 'isProblem' | 'isHeld'>;

function reason({ face, state, isLoading, desk }: Situation): Reason {
  const { draft, key, estimate, world } = state;
  const wait = (why: string): Reason => ({ why, isProblem: false, isHeld: false });
  const [problem] = draft.problems.values();
  if (problem !== undefined) return { why: problem, isProblem: true, isHeld: false };
  if (world.model === null)
    return wait(isLoading ? 'The model is being loaded.' : `Load a model to run the ${face.noun}.`);
  if (key === null) return wait('The prompt is being split into tokens.');
  if (estimate.status === 'refused' && estimate.key === key)
    return { why: estimate.message, isProblem: true, isHeld: false };
  const other = inTheWay(desk, { page: face.title, isAsked: true });
  if (other !== null) {
    const why = `The ${other.page} page is computing, and one run goes at a time. Wait for it, or cancel it.`;
    return { why, isProblem: false, isHeld: true };
  }
  return { why: null, isProblem: false, isHeld: false };
}

export function runStatus(situation: Situation): RunStatus {
  const { face, state } = situation;
  const { key, run, shown } = state;
  const isCurrent = isShownCurrent(shown, state);
  const isWhole = shown !== null && face.kind.isComplete(shown.result);
  const isRunningThis = run.status === 'running' && run.key === key && !run.isQuiet;
  const canResume = isCurrent && !isWhole && run.status !== 'running' && shown !== null;
  return {
    ...reason(situation),
    showsRun: !isRunningThis,
    runLabel: canResume ? 'Start over' : isCurrent && isWhole ? 'Run again' : 'Run',
    isUrgent: !isCurrent || !isWhole,
    canResume,
    isDone: isCurrent && isWhole,
  };
}
