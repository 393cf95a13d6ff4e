// What the runs of a document have at the positions of each stack, and which position of a source stands for which of the base.

import type { StackName } from '../../architectures/architecture.ts';
import type { KnownReads } from '../prompt/beside.ts';
import { type PatchDocument, placeOfRun } from './document.ts';
import { correctedMatching, type Matching, matchPositions } from './matching.ts';
import { inputStack, type StackTokens, textStack, type Unit, unitsAt } from './stacks.ts';

export interface RunStacks {
  readonly units: (run: string, stack: StackName) => readonly Unit[];
  readonly matching: (stack: StackName, source: number) => Matching;
}

/** @param runs the base, then each source */
export function runStacks(
  { corrections }: Pick<PatchDocument, 'corrections'>,
  runs: readonly StackTokens[],
  reads: KnownReads,
): RunStacks {
  const units = (run: string, stack: StackName): readonly Unit[] =>
    unitsAt(runs[placeOfRun(run)], stack, reads);
  const known = new Map<string, Matching>();
  const match = (stack: StackName, source: number): Matching => {
    const base = units('base', stack);
    const own = units(`source_${source}`, stack);
    // Two pictures have the same places, and what lies there is theirs.
    if (stack === inputStack(reads)) {
      const isRead = runs[source + 1]?.tokens != null;
      return Array.from({ length: reads?.positions ?? 0 }, (_, position) => (isRead ? position : null));
    }
    if (base.length === 0 || own.length === 0) return base.map(() => null);
    const ids = (some: readonly Unit[]) => some.map(({ id }) => id);
    const found = matchPositions(ids(base), ids(own));
    return stack === textStack(reads)
      ? correctedMatching(found, corrections[source] ?? {}, own.length)
      : found;
  };
  return {
    units,
    matching: (stack, source) => {
      const key = `${stack} ${source}`;
      const found = known.get(key) ?? match(stack, source);
      known.set(key, found);
      return found;
    },
  };
}
