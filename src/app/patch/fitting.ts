// Where a cable in the hand may end. The quick answer, for every socket at once while the cable moves, is a comparison of
// widths and runs; the sentence for the socket under the pointer is the library's.

import type { Architecture } from '../../architectures/architecture.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';
import { type PatchDocument, type Place, sourceIndex, withCable } from './document.ts';
import { lengthIn } from './draft.ts';
import { checkWiring, type PromptTokens } from './reading.ts';
import { wiringOf } from './wiring.ts';

/** Runs that a run takes from, directly or by way of others. */
function sourcesOf({ cables }: Pick<PatchDocument, 'cables'>, run: string): ReadonlySet<string> {
  const found = new Set<string>([run]);
  // A set that grows while it is walked is walked to its end.
  for (const own of found) {
    for (const { from, to } of cables) if (to.run === own && from) found.add(from.run);
  }
  return found;
}

/** The run that a cable takes from when it begins at a socket of `run` and ends at one of `target`. */
export const takenRun = (run: string, target: string): string =>
  run === 'base' && target === 'base' ? 'original' : run;

/** Whether a cable from one component may end at another, of whatever run. */
export function hasSameWidth(architecture: Architecture, from: string, to: string): boolean {
  const [a, b] = [from, to].map((name) => describeComponent(architecture, name));
  return (
    a !== undefined &&
    b !== undefined &&
    a.width === b.width &&
    (a.layout === 'pair') === (b.layout === 'pair')
  );
}

/**
 * Runs at whose sockets a cable that begins in `run` may end: not those that it takes from itself.
 * @param runs all that there are
 */
export function endingRuns(
  document: Pick<PatchDocument, 'cables'>,
  run: string,
  runs: readonly string[],
): ReadonlySet<string> {
  const before = sourcesOf(document, run);
  // The base takes from itself as it is without interventions.
  return new Set(runs.filter((target) => (run === 'base' ? target === 'base' : !before.has(target))));
}

/**
 * Why a cable cannot hang between two places.
 * @returns the library's sentence, about this cable alone; null when it fits
 */
export function whyNotFit(
  architecture: Architecture,
  document: PatchDocument,
  from: Place,
  to: Place,
  tokens: PromptTokens,
): string | null {
  if (sourceIndex(from.run) === null && sourceIndex(to.run) !== null)
    return 'A source takes nothing from the base; begin in another source.';
  if (JSON.stringify({ ...from, run: '' }) === JSON.stringify({ ...to, run: '' }) && from.run === to.run)
    return 'A cable needs two ends; this socket is where it begins.';
  const [next] = withCable(document, {
    type: 'VanillaIntervention',
    from: { ...from, run: takenRun(from.run, to.run) },
    to,
    settings: {},
  });
  try {
    checkWiring(architecture, wiringOf(next, lengthIn(tokens, architecture)), tokens);
    return null;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return message
      .replace(/^representations\.\d+(\.\w+)?: /, '')
      .replace(/^./, (first) => first.toUpperCase());
  }
}
