// Pairs of prompts that differ in what matters: the clean one, whose answer is watched, and the corrupted one. Beside its
// text a prompt may have what a model of two stacks has written so far, a picture or a sound.

import * as v from 'valibot';
import type { Locations } from '../figures/description.ts';
import { type Immutable, textOrIds, tokenName } from './experimentFile.ts';
import { type GivenFile, givenFileSchema } from './givenFile.ts';
import { patchesSchema, secondsSchema } from './inputParts.ts';
import type { PromptParts } from './wholePrompt.ts';

const mostPairs = 1000;

export const pairSchema = v.strictObject({
  /** In a model of two stacks that reads text, its source; empty where a model reads a picture alone. */
  clean: textOrIds,
  /**
   * As many tokens as `clean`. Left out where an ablation stands in its place, and where the corrupted prompt differs in
   * what stands beside the text.
   */
  corrupted: v.optional(textOrIds),
  /** What the decoder has written so far, where `clean` is its source; default nothing. */
  target: v.optional(textOrIds),
  /** That of the corrupted prompt, as many tokens; default `target`. */
  corruptedTarget: v.optional(textOrIds),
  image: v.optional(givenFileSchema),
  /** The picture of the corrupted prompt; default `image`. */
  corruptedImage: v.optional(givenFileSchema),
  sound: v.optional(givenFileSchema),
  /** The sound of the corrupted prompt; default `sound`. */
  corruptedSound: v.optional(givenFileSchema),
  /** The part in which the corrupted picture or sound stands in the clean one's place; default all of it. */
  exchanged: v.optional(v.union([patchesSchema, secondsSchema])),
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
  pairs.some(
    ({ clean, corrupted, target, corruptedTarget, image, answer, distractor }) =>
      [clean, corrupted, target, corruptedTarget].some((text) => typeof text === 'string' && text !== '') ||
      // Of a picture alone the answers may be classes, whose names are no tokens.
      (image === undefined && [answer, distractor].some((text) => typeof text === 'string')),
  );

export type Pair = Immutable<v.InferOutput<typeof pairSchema>>;

/** What a pair states of its clean prompt. */
export const cleanParts = ({ clean, target, image, sound }: Pair): PromptParts => ({
  prompt: clean,
  target,
  image,
  sound,
});

/** What a pair states of its corrupted prompt; undefined where it has none. */
export function corruptedParts(pair: Pair): PromptParts | undefined {
  const { corrupted, corruptedTarget, corruptedImage, corruptedSound } = pair;
  if ([corrupted, corruptedTarget, corruptedImage, corruptedSound].every((part) => part === undefined))
    return undefined;
  return {
    prompt: corrupted ?? pair.clean,
    target: corruptedTarget ?? pair.target,
    image: corruptedImage ?? pair.image,
    sound: corruptedSound ?? pair.sound,
  };
}

/** What a pair states of its corrupted prompt alone. */
export type CorruptedOfPair = Pick<
  Pair,
  'corrupted' | 'corruptedTarget' | 'corruptedImage' | 'corruptedSound' | 'exchanged'
>;

/** A pair without what it states of its corrupted prompt, and that by itself. */
export function partedPair(pair: Pair): { readonly clean: Pair; readonly corrupted: CorruptedOfPair } {
  const { corrupted, corruptedTarget, corruptedImage, corruptedSound, exchanged, ...clean } = pair;
  return {
    clean,
    corrupted: {
      ...(corrupted === undefined ? {} : { corrupted }),
      ...(corruptedTarget === undefined ? {} : { corruptedTarget }),
      ...(corruptedImage === undefined ? {} : { corruptedImage }),
      ...(corruptedSound === undefined ? {} : { corruptedSound }),
      ...(exchanged === undefined ? {} : { exchanged }),
    },
  };
}

/** A pair with its pictures and sounds as `change` makes them: read, or left out of a link. */
export function withPairFiles(pair: Pair, change: (given: GivenFile) => GivenFile): Pair {
  const { image, corruptedImage, sound, corruptedSound } = pair;
  return {
    ...pair,
    ...(image ? { image: change(image) } : {}),
    ...(corruptedImage ? { corruptedImage: change(corruptedImage) } : {}),
    ...(sound ? { sound: change(sound) } : {}),
    ...(corruptedSound ? { corruptedSound: change(corruptedSound) } : {}),
  };
}

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
