// What the text of a prompt is called, as a model reads it: in the names of its fields, and in what is said of it.

import type { ModelReads } from '../../worker/protocol.ts';
import { hasTarget } from './hasTarget.ts';

export type PromptWord = 'prompt' | 'question' | 'source' | 'text';

export function promptWord(reads: ModelReads | null | undefined): PromptWord {
  // A model that reads a picture alone has none; what a file brings all the same is a text.
  if (reads?.isAlone) return 'text';
  if (reads?.isAsked) return 'question';
  return hasTarget(reads) ? 'source' : 'prompt';
}
