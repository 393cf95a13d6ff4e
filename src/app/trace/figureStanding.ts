// How the figure stands to the inputs of now, in a few words: nothing that is shown is ever taken for something else.

import { isComplete } from '../../experiments/trace/result.ts';
import { formatCount } from '../quantities.ts';
import { isShownCurrent, type Shown, type TraceRun } from '../stores/trace.ts';
import type { Draft } from './draft.ts';
import { computedCells } from './runStanding.ts';

export interface FigureStanding {
  readonly kind: 'stored' | 'current' | 'filling' | 'partial' | 'stale';
  readonly words: string;
}

/** `2e-6`, `0.0031` */
const smallNumber = (value: number): string =>
  value < 0.001 ? value.toExponential(0).replace('e-', 'e−') : value.toPrecision(2);

/** Numbers of two backends may differ by rounding; more than this is another result. */
const sameWithin = 1e-3;

export function figureStanding(
  shown: Shown,
  draft: Draft,
  run: TraceRun,
  modelLabel: string | null,
): FigureStanding {
  const { result, key, origin, difference } = shown;
  const isRunning = run.status === 'running' && run.key === key && !run.isQuiet;
  const { done, total } = computedCells(result);
  if (!isShownCurrent(shown, draft)) {
    const isOther = modelLabel !== null && result.experiment.model !== modelLabel;
    return {
      kind: 'stale',
      words: isOther
        ? `Of ${result.model.label}, not of ${modelLabel}, which is in use now`
        : isRunning
          ? 'Of an earlier input, still being computed'
          : 'Of an earlier input',
    };
  }
  if (isRunning) return { kind: 'filling', words: `${formatCount(done)} of ${formatCount(total)} cells` };
  if (!isComplete(result))
    return {
      kind: 'partial',
      words: `${formatCount(done)} of ${formatCount(total)} cells, the rest not computed`,
    };
  if (origin === 'stored') {
    const isAgain = run.status === 'running' && run.isQuiet;
    return { kind: 'stored', words: isAgain ? 'Stored result, being computed again here' : 'Stored result' };
  }
  if (difference === null) return { kind: 'current', words: 'Computed here' };
  return {
    kind: 'current',
    words:
      difference <= sameWithin
        ? `Reproduced here, largest difference ${smallNumber(difference)}`
        : `Computed here; differs from the stored result by up to ${smallNumber(difference)}`,
  };
}
