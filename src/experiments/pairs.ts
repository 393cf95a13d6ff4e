// Pairs of prompts that differ in what matters: the clean one, whose answer is watched, and the corrupted one.

import * as v from 'valibot';
import type { Locations } from '../figures/description.ts';
import { type Immutable, textOrIds, tokenName } from './experimentFile.ts';

const mostPairs = 1000;

export const pairSchema = v.strictObject({
  clean: textOrIds,
  /** As many tokens as `clean`. Left out where an ablation stands in its place. */
  corrupted: v.optional(textOrIds),
  /** Text or id of the token that is watched; default what the model itself predicts after `clean`. */
  answer: v.optional(tokenName),
  /** Text or id of a token that the answer is compared with. */
  distractor: v.optional(tokenName),
});

export const pairsSchema = v.pipe(
  v.array(pairSchema),
  v.minLength(1, 'There is no pair; give at least one, such as { "clean": "...", "corrupted": "..." }'),
  v.maxLength(mostPairs, `There can be at most ${mostPairs} pairs`),
);

/** Whether something in some pair is text, which must become tokens. */
export const hasPairText = (pairs: readonly Pair[]): boolean =>
  pairs.some(({ clean, corrupted, answer, distractor }) =>
    [clean, corrupted, answer, distractor].some((text) => typeof text === 'string'),
  );

export type Pair = Immutable<v.InferOutput<typeof pairSchema>>;

type NamedTokens = readonly { readonly id: number; readonly text: string }[];

/** What results of pairs have in common. */
interface PairedResult {
  readonly pairs: readonly { readonly clean: NamedTokens; readonly corrupted?: NamedTokens | undefined }[];
}

/** What stands beside a column: the clean prompts' token there, starred where the corrupted ones have another. */
export function tokensAt({ pairs }: PairedResult, positions: readonly number[]): Locations {
  const tokens = positions.map((position) => {
    const texts = [...new Set(pairs.map(({ clean }) => clean[position]?.text ?? ''))];
    const isCorrupted = pairs.some(
      ({ clean, corrupted }) => corrupted && corrupted[position]?.id !== clean[position]?.id,
    );
    return {
      text: texts.length > 1 ? `${texts[0]}…` : (texts[0] ?? ''),
      ...(isCorrupted ? { isCorrupted } : {}),
    };
  });
  return { kind: 'position', tokens };
}
