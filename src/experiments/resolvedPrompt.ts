// A prompt as it runs, whatever the model reads: how its row starts, the tokens that its prediction follows or stands among,
// where that is read, and a key by which what runs alike runs once.

import { readKey } from './readKeys.ts';
import type { WholePrompt } from './wholePrompt.ts';

/** Of a model that reads a picture alone there are no tokens, and `start` is the picture. */
export interface ResolvedPrompt extends Pick<WholePrompt, 'start' | 'tokens' | 'input' | 'watched'> {
  /** Of prompts that run alike one, and of others another: by tokens, those of a source, and the very numbers of what is read. */
  readonly key: string;
}

/** @param whole as `wholePrompt` makes it */
export const resolvedPrompt = ({
  start,
  tokens,
  input,
  watched,
}: Omit<ResolvedPrompt, 'key'>): ResolvedPrompt => ({
  start,
  tokens,
  ...(input ? { input } : {}),
  watched,
  key: readKey(start),
});

/** A prompt of text alone. @param watched the position whose logits are its prediction; default its last */
export const textPrompt = (tokens: readonly number[], watched = tokens.length - 1): ResolvedPrompt =>
  resolvedPrompt({ start: { kind: 'tokens', tokens }, tokens, watched });

/**
 * The same with tokens behind its own: behind those that a decoder has written, in a model that reads something beside them.
 * @throws Error for a picture alone, behind which nothing is written
 */
export function goneOn(prompt: ResolvedPrompt, ids: readonly number[]): ResolvedPrompt {
  const { start } = prompt;
  if (ids.length === 0) return prompt;
  if (start.kind !== 'tokens') throw new Error('Nothing is written behind what is no text.');
  const tokens = [...prompt.tokens, ...ids];
  return resolvedPrompt({ ...prompt, start: { ...start, tokens }, tokens });
}

/** Positions of all that runs of a prompt: its tokens, and what is read beside them or in their place. */
export const positionCount = ({ tokens, input }: Pick<ResolvedPrompt, 'tokens' | 'input'>): number =>
  tokens.length + (input?.length ?? 0) + (input?.picture?.length ?? 0);
