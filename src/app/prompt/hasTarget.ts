// Whether what a model goes on from stands beside the text of a prompt, which is then a source or a question.

import type { ModelReads } from '../../worker/protocol.ts';

export const hasTarget = (reads: ModelReads | null | undefined): boolean =>
  reads?.kind === 'text' || reads?.isAsked === true;
