// Results that grow by changes: the same on the side that computes and on the side that watches, which may be another
// thread.

import type { Growth } from './kind.ts';

/** @param next the result with a change in it; the given one stays as it is. Undefined for a change that comes before the result has begun */
export function growthOf<Result, Change>(
  next: (result: Result | undefined, change: Change) => Result | undefined,
): Growth<Result, Change> {
  let result: Result | undefined;
  return {
    get result() {
      return result;
    },
    take: (change) => {
      result = next(result, change);
    },
  };
}

/** The whole result after each change. */
export async function* grown<Result, Change>(
  changes: AsyncIterable<Change>,
  growth: Growth<Result, Change>,
): AsyncGenerator<Result, void> {
  for await (const change of changes) {
    growth.take(change);
    const { result } = growth;
    if (result !== undefined) yield result;
  }
}

/** The result of a run that goes to its end. */
export async function completed<Result, Change>(
  changes: AsyncIterable<Change>,
  growth: Growth<Result, Change>,
): Promise<Result> {
  for await (const change of changes) growth.take(change);
  const { result } = growth;
  if (result === undefined) throw new Error('A run ended without a result.');
  return result;
}
