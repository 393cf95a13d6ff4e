// From text to tokens: prompts, and single tokens that a person names.

import { type Checkpoint, CheckpointError, type Tokenizer } from '../checkpoint/checkpoint.ts';
import { ExperimentError } from './experimentFile.ts';
import { type Notice, trailingSpaceNotice } from './notice.ts';

/** @throws ExperimentError when there is none */
export function needTokenizer(tokenizer: Tokenizer | undefined, what: string): Tokenizer {
  if (tokenizer) return tokenizer;
  throw new ExperimentError(`This model brings no tokenizer, so ${what} must be given as token ids.`);
}

/**
 * @param text text, or token ids
 * @param what names it in messages: 'the prompt'
 * @throws ExperimentError when it has no tokens, or text comes without a tokenizer
 */
export function tokensOf(
  text: string | readonly number[],
  tokenizer: Tokenizer | undefined,
  what: string,
  options?: { readonly addSpecialTokens?: boolean },
): readonly number[] {
  const tokens = typeof text === 'string' ? needTokenizer(tokenizer, what).encode(text, options) : [...text];
  if (tokens.length > 0) return tokens;
  throw new ExperimentError(
    `${what[0]?.toUpperCase()}${what.slice(1)} has no tokens. Give at least one word.`,
  );
}

/**
 * The tokenizer of a checkpoint; undefined when it has none and none is needed.
 * @param hasText some text must become tokens
 * @throws CheckpointError when there is text to be read
 */
export async function tokenizerOf(
  checkpoint: Checkpoint,
  hasText: boolean,
  signal?: AbortSignal,
): Promise<Tokenizer | undefined> {
  try {
    return await checkpoint.tokenizer(signal);
  } catch (error) {
    if (error instanceof CheckpointError && !hasText) return undefined;
    throw error;
  }
}

/** What stands on a token's chip: its text, or its id where there is no tokenizer. */
export function tokenLabel(id: number, tokenizer: Tokenizer | undefined): string {
  return tokenizer ? tokenizer.tokenText(id) : `#${id}`;
}

export interface NamedToken {
  readonly id: number;
  readonly text: string;
}

/** What a person should know of a prompt's tokens. @param what names it: 'The prompt' */
export function promptNotices(
  text: string | readonly number[],
  tokenizer: Tokenizer | undefined,
  what: string,
): readonly Notice[] {
  if (typeof text !== 'string') return [];
  const differs = tokenizer?.noticeOf?.(text);
  return [
    ...(text.endsWith(' ') ? [trailingSpaceNotice(what)] : []),
    ...(differs === undefined ? [] : [{ code: 'tokens-differ-by-version' as const, text: differs }]),
  ];
}
