// What the parts of a row are called, as a model reads them.

import type { ModelReads } from '../../worker/protocol.ts';
import { fileWords } from '../prompt/beside.ts';

export interface RowWords {
  /** Over the rows, in one sentence. */
  readonly lead: string;
  readonly heads: readonly [given: string, taught: string];
  /** In the name of its field. */
  readonly continuation: string;
}

/** @param mask of a model that fills such */
export function rowWords(reads: ModelReads | null, mask: string | null): RowWords {
  if (reads?.isAlone)
    return {
      lead: 'A picture, and the class that it should have. Pictures can be dropped on a row, several at once.',
      heads: ['Picture', 'Class'],
      continuation: 'class',
    };
  if (reads?.isAsked)
    return {
      lead: 'A question about a picture, and what should be answered; the target is what has been answered before it.',
      heads: ['Question and picture', 'Continuation'],
      continuation: 'continuation',
    };
  if (reads?.kind === 'text')
    return {
      lead: 'A source that the model reads, and what it should write; the target is what it has written before that.',
      heads: ['Source', 'Continuation'],
      continuation: 'continuation',
    };
  if (reads) {
    const thing = fileWords[reads.kind];
    return {
      lead: `A ${thing}, what has been written of it so far, which may be nothing, and what should follow. Files can be dropped on a row, several at once.`,
      heads: [`Prompt and ${thing}`, 'Continuation'],
      continuation: 'continuation',
    };
  }
  if (mask !== null)
    return {
      lead: `A prompt with one ${mask}, and the token that should stand there.`,
      heads: ['Prompt', `Continuation: at ${mask}`],
      continuation: 'continuation',
    };
  return {
    lead: 'A prompt, and what should follow it: with the space before it, and nothing put behind it.',
    heads: ['Prompt', 'Continuation'],
    continuation: 'continuation',
  };
}
