// The tokens of a prompt as the page shows them.

import type { Architecture } from '../architectures/architecture.ts';
import type { Tokenizer } from '../checkpoint/checkpoint.ts';
import { writtenPrompt } from '../experiments/wholePrompt.ts';
import type { TokenInfo } from './protocol.ts';

/** What reads prompts. */
interface PromptReader {
  readonly tokenizer: Tokenizer;
  /** Of a decoder whose prompt is what it has written beside a picture or a sound. */
  readonly startToken?: number | undefined;
}

/** The token with which such a decoder begins. */
export const writtenFrom = ({ encoder }: Architecture): number | undefined =>
  encoder?.input ? encoder.startToken : undefined;

export const tokenInfo = (tokenizer: Tokenizer, id: number): TokenInfo => ({
  id,
  text: tokenizer.tokenText(id),
  isSpecial: tokenizer.isSpecial(id),
  ...(id === tokenizer.maskId ? { isMask: true } : {}),
});

export function promptTokens({ tokenizer, startToken }: PromptReader, text: string): readonly TokenInfo[] {
  const { ids, places } =
    startToken === undefined
      ? { ids: tokenizer.encode(text), places: tokenizer.places(text) }
      : writtenPrompt(text, tokenizer, startToken);
  return ids.map((id, position) => ({ ...tokenInfo(tokenizer, id), place: places[position] ?? null }));
}
