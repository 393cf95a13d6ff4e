// A prompt, or a text of a vector, as it is typed: a text, a text with what a model reads beside it, or a chat.

import { type GivenPrompt, givenOf, partsOfGiven } from '../../experiments/givenPrompt.ts';
import { isChat } from '../../experiments/steer/experiment.ts';
import type { BesidePassage, ChatPassage, Passage } from './document.ts';

export const isChatPassage = (passage: Passage): passage is ChatPassage => isChat(passage);

/** What is typed of a text. */
export const promptOf = (passage: string | BesidePassage): string =>
  typeof passage === 'string' ? passage : passage.prompt;

/** What stands beside it. */
export function besideOf(passage: Passage): Omit<BesidePassage, 'prompt'> {
  if (typeof passage === 'string' || isChatPassage(passage)) return {};
  const { prompt: _, ...beside } = passage;
  return beside;
}

/** What a part of a text is changed to; undefined and an empty target leave it out. */
export type TextChange = { readonly [Name in keyof BesidePassage]?: BesidePassage[Name] | undefined };

/** A text with a part of it changed: with nothing beside it, it is the text alone. */
export function withPart(passage: string | BesidePassage, change: TextChange): string | BesidePassage {
  const { prompt, target, image, sound } = { ...besideOf(passage), prompt: promptOf(passage), ...change };
  return textPassage(givenOf({ prompt: prompt ?? '', target: target || undefined, image, sound }));
}

/** A prompt of a file that has no token ids; undefined of one that has. */
export function givenPassage(given: GivenPrompt): string | BesidePassage | undefined {
  const { prompt, target } = partsOfGiven(given);
  return [prompt, target].some((text) => typeof text === 'object') ? undefined : textPassage(given);
}

function textPassage(given: GivenPrompt): string | BesidePassage {
  const { prompt, target, image, sound } = partsOfGiven(given);
  // Ids were refused before.
  const [text, written] = [prompt, target].map((each) => (typeof each === 'string' ? each : undefined));
  const beside = {
    ...(written === undefined ? {} : { target: written }),
    ...(image ? { image } : {}),
    ...(sound ? { sound } : {}),
  };
  return Object.keys(beside).length === 0 ? (text ?? '') : { prompt: text ?? '', ...beside };
}
