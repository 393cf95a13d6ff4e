// Why a picture or a sound that a model reads is not there, as a sentence.

import { type GivenFile, nameOf } from '../../experiments/givenFile.ts';
import type { ModelReads } from '../../worker/protocol.ts';

interface Given {
  readonly image?: GivenFile | null | undefined;
  readonly sound?: GivenFile | null | undefined;
}

/** Of a file that a link names and does not hold. @param made what was made with it: `The trace` */
export const missingBytes = (given: GivenFile, made: string): string | null =>
  'data' in given
    ? null
    : `${made} was made with “${nameOf(given)}”, which a link does not hold. Choose it again.`;

/**
 * @param made what was made with it: `The trace`
 * @returns null where it is there, or none is read
 */
export function givenProblem({ image, sound }: Given, reads: ModelReads | null, made: string): string | null {
  const problem = (given: GivenFile | null | undefined, what: string): string | null => {
    if (!given) return `This model reads ${what}. Choose one, or drop it on the page.`;
    return missingBytes(given, made);
  };
  if (reads?.kind === 'image') return problem(image, 'a picture');
  if (reads?.kind === 'sound') return problem(sound, 'a sound');
  return null;
}
