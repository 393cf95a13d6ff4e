// A run that was not finished when its page was left, as the browser keeps it: one for each page.

import type { PageDefinition, PageTypes } from './definition.ts';
import type { ResultKeeper } from './keptResults.ts';

/** What it is kept under. */
export const unfinishedKey = (name: string): string => `unfinished ${name}`;

/**
 * Keeps what one run has as it grows, where computing it again would cost much, and forgets it when it is whole.
 * @param earlier what the run goes on from
 * @returns to be called with what there is; the last of a run is kept even where it adds nothing
 */
export function unfinishedKeeper<T extends PageTypes>(
  { kind, kept, isCostly }: Pick<PageDefinition<T>, 'kind' | 'kept' | 'isCostly'>,
  keeper: ResultKeeper,
  earlier: T['result'] | null,
): (result: T['result'], isLast: boolean) => void {
  const amountOf = (result: T['result']): number => kept?.(result).amount ?? kind.count(result).done;
  const key = unfinishedKey(kind.name);
  let keptAmount = earlier === null ? 0 : amountOf(earlier);
  return (result, isLast) => {
    if (isCostly !== true) return;
    const amount = amountOf(result);
    if (kind.isComplete(result)) void keeper.forget(key);
    else if (amount > keptAmount || (isLast && amount > 0)) void keeper.keep(key, result);
    keptAmount = amount;
  };
}
