// A prompt of a call, as rows need it.

import type { ComponentDescription, StackName } from '../../architectures/architecture.ts';
import type { RowStart } from '../../runtime/plan/plan.ts';

/** A prompt without its padding, and where its tokens stood. */
export interface Prompt {
  /** Empty for a picture that a classifier reads. */
  readonly tokens: readonly number[];
  /** The place of a position of the prompt as it was given, padding counted. @throws InterventionError in padding */
  readonly placeOf: (position: number) => number;
  /** What the model reads beside the tokens of its decoder, or in place of any. */
  readonly read?: {
    readonly start: RowStart;
    /** Positions of what each stack reads; `main` where it stands in place of tokens. */
    readonly lengths: Readonly<Partial<Record<StackName, number>>>;
  };
}

export const startOf = ({ tokens, read }: Prompt): RowStart => read?.start ?? { kind: 'tokens', tokens };

/** Positions that a component has in a prompt: an encoder's, or those of the tokens. */
export const lengthAt = ({ tokens, read }: Prompt, { place }: Pick<ComponentDescription, 'place'>): number =>
  read?.lengths[place?.stack ?? 'main'] ?? tokens.length;

/** The stack that another reads. */
const before = { main: 'encoder', encoder: 'first', first: undefined } as const;

/** Keys of a component of pairs in a prompt. */
export function keysAt(prompt: Prompt, component: Pick<ComponentDescription, 'place' | 'isCross'>): number {
  if (!component.isCross) return lengthAt(prompt, component);
  const read = before[component.place?.stack ?? 'main'];
  return read === undefined ? 0 : (prompt.read?.lengths[read] ?? 0);
}
