// A prompt of a call, as rows need it.

import type { ComponentDescription } from '../../architectures/architecture.ts';
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
    /** Positions of what is read. */
    readonly length: number;
  };
}

export const startOf = ({ tokens, read }: Prompt): RowStart => read?.start ?? { kind: 'tokens', tokens };

/** Positions that a component has in a prompt: the encoder's, or those of the tokens. */
export function lengthAt({ tokens, read }: Prompt, { place }: Pick<ComponentDescription, 'place'>): number {
  const isRead = read !== undefined && (place?.stack === 'encoder' || read.start.kind === 'input');
  return isRead ? read.length : tokens.length;
}

/** Keys of a component of pairs in a prompt. */
export const keysAt = (prompt: Prompt, component: Pick<ComponentDescription, 'place' | 'isCross'>): number =>
  component.isCross ? (prompt.read?.length ?? 0) : lengthAt(prompt, component);
