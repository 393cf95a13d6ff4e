// A prompt as an experiment of single prompts states it: a text or its token ids, or these with what the model reads beside
// them.

import * as v from 'valibot';
import { type Immutable, textOrIds } from './experimentFile.ts';
import { type GivenFile, givenFileSchema } from './givenFile.ts';
import type { PromptParts } from './wholePrompt.ts';

export const givenPromptEntries = {
  /** In a model of two stacks that reads text, its source; empty where a model reads a picture alone. */
  prompt: textOrIds,
  /** What the decoder has written so far, where the prompt is its source; default nothing. */
  target: v.optional(textOrIds),
  image: v.optional(givenFileSchema),
  sound: v.optional(givenFileSchema),
};

const wholeSchema = v.strictObject(givenPromptEntries);

/** Chosen by its form, so that a sentence about what is wrong in it names the field. */
export const givenPromptSchema = v.lazy((value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? wholeSchema : textOrIds,
);

export type GivenPrompt = Immutable<v.InferOutput<typeof givenPromptSchema>>;

/** What a prompt states, by its parts. */
export const partsOfGiven = (given: GivenPrompt): PromptParts =>
  typeof given === 'object' && 'prompt' in given ? given : { prompt: given };

/** A prompt as briefly as it can be stated: an empty target is none. */
export function givenOf({ prompt, target, image, sound }: PromptParts): GivenPrompt {
  const written = target?.length ? { target } : {};
  if (!('target' in written) && image === undefined && sound === undefined) return prompt;
  return {
    prompt,
    ...written,
    ...(image ? { image } : {}),
    ...(sound ? { sound } : {}),
  };
}

/** A prompt with its picture and sound as `change` makes them: read, or left out of a link. */
export function withGivenPromptFiles(
  given: GivenPrompt,
  change: (file: GivenFile) => GivenFile,
): GivenPrompt {
  const { image, sound, ...parts } = partsOfGiven(given);
  return givenOf({
    ...parts,
    ...(image ? { image: change(image) } : {}),
    ...(sound ? { sound: change(sound) } : {}),
  });
}

/** Whether some of it is text, which must become tokens. */
export function hasGivenText(given: GivenPrompt): boolean {
  const { prompt, target } = partsOfGiven(given);
  return [prompt, target].some((text) => typeof text === 'string' && text !== '');
}
