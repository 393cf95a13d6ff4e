// Pairs of prompts that differ in what matters: the clean one, whose answer is watched, and the corrupted one.

import * as v from 'valibot';
import { type Immutable, textOrIds, tokenName } from '../experimentFile.ts';

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
