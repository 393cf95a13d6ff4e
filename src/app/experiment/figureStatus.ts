// How the figure stands to what is in the controls, in a few words: nothing that is shown is ever taken for something else.

import { formatCount, formatCounted } from '../quantities.ts';
import type { PageDefinition, PageTypes } from './definition.ts';
import type { AnyPageState } from './experimentPage.ts';
import { isOfOtherWeights, isShownCurrent, type Shown } from './session.ts';

export interface FigureStatus {
  readonly kind: 'stored' | 'current' | 'filling' | 'partial' | 'stale';
  readonly words: string;
}

/** `2e-6`, `0.0031` */
const smallNumber = (value: number): string =>
  value < 0.001 ? value.toExponential(0).replace('e-', 'e−') : value.toPrecision(2);

/** Numbers of two backends may differ by rounding; more than this is another result. */
const sameWithin = 1e-3;

const originWords: Readonly<Record<Exclude<Shown<unknown>['origin'], 'run'>, string>> = {
  stored: 'Stored result',
  kept: 'Computed here earlier, kept in this browser',
  file: 'From a file',
};

export function figureStatus(
  { kind }: Pick<PageDefinition<PageTypes>, 'kind'>,
  shown: Shown<PageTypes['result']>,
  { key, run, world }: Pick<AnyPageState, 'key' | 'run' | 'world'>,
): FigureStatus {
  const { result, origin, difference } = shown;
  const isRunning = run.status === 'running' && run.key === shown.key && !run.isQuiet;
  const { done, total } = kind.count(result);
  const { counted } = kind.words;
  if (!isShownCurrent(shown, { key, world })) {
    const inUse = world.model?.label ?? null;
    const isOther = inUse !== null && result.experiment.model !== inUse;
    return {
      kind: 'stale',
      words: isOther
        ? `Of ${result.model.label}, not of ${inUse}, which is in use now`
        : shown.key === key && isOfOtherWeights(shown, world.model)
          ? 'Of other weights of the same name'
          : isRunning
            ? 'Of an earlier input, still being computed'
            : 'Of an earlier input',
    };
  }
  if (isRunning)
    return { kind: 'filling', words: `${formatCount(done)} of ${formatCounted(total, counted)}` };
  if (!kind.isComplete(result))
    return {
      kind: 'partial',
      words: `${formatCount(done)} of ${formatCounted(total, counted)}, the rest not computed`,
    };
  if (origin !== 'run') {
    const isAgain = run.status === 'running' && run.isQuiet;
    return { kind: 'stored', words: `${originWords[origin]}${isAgain ? ', being computed again here' : ''}` };
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
