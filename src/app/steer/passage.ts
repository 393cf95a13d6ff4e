// A prompt, or a text of a vector, as it is typed: a text, a text with what a model reads beside it, or a chat.

import { type GivenPrompt, partsOfGiven } from '../../experiments/givenPrompt.ts';
import { isChat } from '../../experiments/steer/experiment.ts';
import {
  type Beside,
  type BesideChange,
  besideOf as besideOfGiven,
  changedBeside,
  hasIds,
} from '../prompt/beside.ts';
import type { BesidePassage, ChatPassage, Passage } from './document.ts';

export const isChatPassage = (passage: Passage): passage is ChatPassage => isChat(passage);

/** What is typed of a text. */
export const promptOf = (passage: string | BesidePassage): string =>
  typeof passage === 'string' ? passage : passage.prompt;

/** What stands beside it. */
export function besideOf(passage: Passage): Beside {
  if (typeof passage === 'string' || isChatPassage(passage)) return {};
  const { prompt: _, ...beside } = passage;
  return beside;
}

/** What a part of a text is changed to; undefined and an empty target leave it out. */
export type TextChange = BesideChange & { readonly prompt?: string };

/** A text with a part of it changed. */
export function withPart(
  passage: string | BesidePassage,
  { prompt = promptOf(passage), ...change }: TextChange,
): string | BesidePassage {
  return textPassage(prompt, changedBeside(besideOf(passage), change));
}

/** A prompt of a file that has no token ids; undefined of one that has. */
export function givenPassage(given: GivenPrompt): string | BesidePassage | undefined {
  return hasIds(given) ? undefined : textPassage(String(partsOfGiven(given).prompt), besideOfGiven(given));
}

/** With nothing beside it, it is the text alone. */
const textPassage = (prompt: string, beside: Beside): string | BesidePassage =>
  Object.keys(beside).length === 0 ? prompt : { prompt, ...beside };
