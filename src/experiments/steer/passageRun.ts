// A passage as a run of the model: its tokens, and in a model that reads more than a text its source, its picture or its sound.
// An edit and a vector know whose positions are theirs: those of what is written, or those of what an encoder reads.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import type { RowSource } from '../../runtime/plan/plan.ts';
import type { WholePrompt } from '../wholePrompt.ts';

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
  const read = source.kind === 'tokens' ? source.tokens : [];
  const model = encoder?.input;
  const length = source.kind === 'tokens' ? read.length : (model?.positions ?? 0);
  return {
    start: { kind: 'tokens', tokens, source },
    tokens,
    input: { kind: model?.kind ?? 'text', stack: 'encoder', tokens: read, length },
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
function readAt({ tokens, input }: PassageRun, isEncoders: boolean) {
  const other = isEncoders || input?.stack === 'main' ? input : undefined;
  if (!isEncoders && !other) return { kind: 'text', tokens, length: tokens.length } as const;
  return { kind: other?.kind, tokens: other?.tokens ?? [], length: other?.length ?? 0 };
}

/** @param isEncoders whether they are those of what the encoder reads */
export const lengthOf = (run: PassageRun, isEncoders: boolean): number => readAt(run, isEncoders).length;

/**
 * Positions whose states carry what is read: of a text that the model goes on with all but the first, of a picture all but its
 * first, which has no pixels; special tokens never.
 */
export function carryingPositions(
  run: PassageRun,
  isEncoders: boolean,
  isSpecial: Tokenizer['isSpecial'],
): readonly number[] {
  const { kind, tokens, length } = readAt(run, isEncoders);
  const from = kind === 'image' || !isEncoders ? 1 : 0;
  return Array.from({ length }, (_, position) => position).filter(
    (position) => position >= from && !(kind === 'text' && isSpecial(tokens[position] ?? 0)),
  );
}

/** By the very numbers of pictures and sounds, and by tokens. */
export class RunKeys {
  readonly #data = new Map<Float32Array, number>();

  #ofData(data: Float32Array): number {
    const found = this.#data.get(data) ?? this.#data.size;
    this.#data.set(data, found);
    return found;
  }

  of({ start }: PassageRun): string {
    return JSON.stringify(start, (_, value: unknown) =>
      value instanceof Float32Array ? `#${this.#ofData(value)}` : value,
    );
  }
}
