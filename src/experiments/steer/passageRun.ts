// A passage as a run of the model: its tokens, and in a model that reads more than a text its source, its picture or its sound.
// An edit and a vector know whose positions are theirs: those of what is written, those of what an encoder reads, or those of
// the picture that a question is about.

import type { Architecture, EncoderStack, StackName } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import type { RowSource } from '../../runtime/plan/plan.ts';
import type { PromptInput, WholePrompt } from '../wholePrompt.ts';

export type PassageRun = Pick<WholePrompt, 'start' | 'tokens' | 'input'>;

/** A run of a text alone. */
export const textRun = (tokens: readonly number[]): PassageRun => ({
  start: { kind: 'tokens', tokens },
  tokens,
});

/** A run by what stands at its start, of a model whose encoder reads a text, a picture or a sound. */
export function runFrom(
  { encoder }: Pick<Architecture, 'encoder'>,
  tokens: readonly number[],
  source: RowSource | undefined,
): PassageRun {
  if (!source) return textRun(tokens);
  return {
    start: { kind: 'tokens', tokens, source },
    tokens,
    ...(encoder ? { input: inputFrom(encoder, source, 'encoder') } : {}),
  };
}

/** What a stack before the writing one reads, and what that is about. */
function inputFrom({ input, encoder }: EncoderStack, source: RowSource, stack: StackName): PromptInput {
  if (source.kind === 'input')
    return { kind: input?.kind ?? 'image', stack, tokens: [], length: input?.positions ?? 0 };
  const { tokens, source: seen } = source;
  return {
    ...{ kind: 'text', stack, tokens, length: tokens.length },
    ...(encoder && seen ? { picture: inputFrom(encoder, seen, 'first') } : {}),
  };
}

/** What an encoder reads beside the tokens. */
export const sourceOf = ({ start }: PassageRun): RowSource | undefined =>
  start.kind === 'tokens' ? start.source : undefined;

/** The same run, as far as its tokens go on. */
export const rowOf = (
  run: PassageRun,
): { readonly tokens: readonly number[]; readonly source?: RowSource } => {
  const source = sourceOf(run);
  return { tokens: run.tokens, ...(source ? { source } : {}) };
};

/** What a run reads at the positions that a component has: tokens where they are a text. */
function readAt({ tokens, input }: PassageRun, stack: StackName) {
  const other = stack === 'first' ? input?.picture : input?.stack === stack ? input : undefined;
  if (stack === 'main' && !other) return { kind: 'text', tokens, length: tokens.length } as const;
  return { kind: other?.kind, tokens: other?.tokens ?? [], length: other?.length ?? 0 };
}

/** Positions that a stack has. */
export const lengthOf = (run: PassageRun, stack: StackName): number => readAt(run, stack).length;

/**
 * Positions whose states carry what is read: of a text that the model goes on with all but the first, of a picture all but its
 * first, which has no pixels; special tokens never.
 */
export function carryingPositions(
  run: PassageRun,
  stack: StackName,
  isSpecial: Tokenizer['isSpecial'],
): readonly number[] {
  const { kind, tokens, length } = readAt(run, stack);
  const from = kind === 'image' || stack === 'main' ? 1 : 0;
  return Array.from({ length }, (_, position) => position).filter(
    (position) => position >= from && !(kind === 'text' && isSpecial(tokens[position] ?? 0)),
  );
}
