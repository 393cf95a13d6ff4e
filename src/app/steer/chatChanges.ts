// What can be done to prompts as texts and as chats: changing from one kind to the other and back, going on with a reply, and
// trying another course from a turn without losing the one that is there.

import { changedPrompt } from './changes.ts';
import type { ChatPassage, Passage, PromptField, SteerDocument, Turn } from './document.ts';
import { isEmptyPassage } from './pairs.ts';
import { isChatPassage, promptOf } from './passage.ts';

export type PromptKind = 'text' | 'chat';

const isChat = ({ passage }: PromptField): boolean => isChatPassage(passage);

export const kindOfPrompts = ({ prompts }: Pick<SteerDocument, 'prompts'>): PromptKind =>
  prompts.some(isChat) ? 'chat' : 'text';

/** A text as a chat's first turn; of a chat the turn that is answered. */
function asKind(passage: Passage, kind: PromptKind): Passage {
  if (kind === 'text')
    return isChatPassage(passage)
      ? (passage.messages.findLast(({ role }) => role === 'user')?.content ?? '')
      : passage;
  return isChatPassage(passage) ? passage : { messages: [{ role: 'user', content: promptOf(passage) }] };
}

/** Prompts of the other kind: those that were there before, or else made of these, which wait for the way back. */
export function withKind(document: SteerDocument, kind: PromptKind): SteerDocument {
  const { prompts, setAside } = document;
  if (kindOfPrompts(document) === kind) return document;
  const made = prompts.map((prompt) => ({ ...prompt, passage: asKind(prompt.passage, kind) }));
  return { ...document, prompts: setAside.length > 0 ? setAside : made, setAside: prompts };
}

export const withMessages = (
  document: SteerDocument,
  index: number,
  messages: readonly Turn[],
): SteerDocument => {
  const passage = document.prompts[index]?.passage;
  if (passage === undefined || !isChatPassage(passage)) return document;
  return changedPrompt(document, index, { passage: { ...passage, messages } });
};

const upTo = (passage: ChatPassage, turn: number): ChatPassage => ({
  ...passage,
  messages: passage.messages.slice(0, turn + 1),
});

/** The chat as it is sent from one of its turns: what followed is gone, and an undo brings it back. */
export function cutAfter(document: SteerDocument, index: number, turn: number): SteerDocument {
  const passage = document.prompts[index]?.passage;
  if (passage === undefined || !isChatPassage(passage)) return document;
  if (turn === passage.messages.length - 1) return document;
  return changedPrompt(document, index, { passage: upTo(passage, turn) });
}

/** Beside the chat another one that has its turns up to this one: both go on by themselves. */
export function forkedAfter(document: SteerDocument, index: number, turn: number): SteerDocument {
  const prompt = document.prompts[index];
  if (prompt === undefined || !isChatPassage(prompt.passage)) return document;
  const fork = { ...prompt, passage: upTo(prompt.passage, turn) };
  return { ...document, prompts: document.prompts.toSpliced(index + 1, 0, fork) };
}

/** The place of a result's prompt in the document that it belongs to: an empty one is not run. */
export const placeInDocument = ({ prompts }: SteerDocument, ofResult: number): number | undefined =>
  [...prompts.keys()].filter((index) => !isEmptyPassage(prompts[index]?.passage ?? ''))[ofResult];

/** The other way round; null of an empty one. */
export function placeInResult(document: SteerDocument, index: number): number | null {
  const { passage } = document.prompts[index] ?? {};
  if (passage === undefined || isEmptyPassage(passage)) return null;
  return document.prompts.slice(0, index).filter((prompt) => !isEmptyPassage(prompt.passage)).length;
}

/**
 * The chat with a reply, and room for what comes next.
 * @param ofResult the place of its prompt in the result
 */
export function withReply(document: SteerDocument, ofResult: number, reply: string): SteerDocument {
  const at = placeInDocument(document, ofResult);
  const passage = at === undefined ? undefined : document.prompts[at]?.passage;
  if (at === undefined || passage === undefined || !isChatPassage(passage)) return document;
  return changedPrompt(document, at, {
    passage: {
      messages: [
        ...passage.messages,
        { role: 'assistant', content: `${passage.reply ?? ''}${reply}`.trim() },
        { role: 'user', content: '' },
      ],
    },
  });
}
