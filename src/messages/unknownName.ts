// What to say to a caller whose object has a name that nobody reads: a misspelt or a borrowed one would be passed over
// without a word, and the call would do something else than it says.

import { didYouMean } from './nearest.ts';

/** What other libraries call the same thing, and ours; or a sentence on why there is none. */
export type BorrowedNames = Readonly<Record<string, string>>;

/**
 * The first name of an object that is not known, in a sentence.
 * @param what  begins it: `options`
 * @param known names that are read
 * @returns undefined when all are known; what is undefined was not given
 */
export function unknownName(
  what: string,
  given: object,
  known: readonly string[],
  borrowed: BorrowedNames = {},
): string | undefined {
  const found = Object.entries(given).find(([name, value]) => value !== undefined && !known.includes(name));
  if (!found) return undefined;
  const [name] = found;
  const here = Object.hasOwn(borrowed, name) ? borrowed[name] : undefined;
  const hint =
    here === undefined ? didYouMean(name, known) : known.includes(here) ? `Did you mean '${here}'?` : here;
  const all = known.map((each) => `'${each}'`).join(', ');
  return [`${what}: there is no '${name}'.`, hint, `There are: ${all}.`].filter(Boolean).join(' ');
}
