import { expect, test } from 'vitest';
import {
  cutAfter,
  forkedAfter,
  kindOfPrompts,
  placeInDocument,
  placeInResult,
  withKind,
  withMessages,
  withReply,
} from './chatChanges.ts';
import { blankSteering, type PromptField, type SteerDocument } from './document.ts';

const user = (content: string) => ({ role: 'user', content });
const model = (content: string) => ({ role: 'assistant', content });
const chat = (...messages: { role: string; content: string }[]): PromptField => ({
  passage: { messages },
  words: { towards: 'x', away: '' },
});
const of = (...prompts: PromptField[]): SteerDocument => ({ ...blankSteering, prompts });
const texts = of({ passage: 'One', words: null }, { passage: 'Two', words: { towards: 'a', away: 'b' } });
const long = of(chat(user('A'), model('B'), user('C'), model('D'), user('E')));

test('texts become chats with their words, and are there again on the way back', () => {
  const chats = withKind(texts, 'chat');
  expect(chats.prompts).toEqual([
    { passage: { messages: [user('One')] }, words: null },
    { passage: { messages: [user('Two')] }, words: { towards: 'a', away: 'b' } },
  ]);
  const answered = withMessages(chats, 0, [user('One'), model('Yes'), user('And?')]);
  const back = withKind(answered, 'text');
  expect(back.prompts).toEqual(texts.prompts);
  // And the chat, as it was left.
  expect(withKind(back, 'chat').prompts).toEqual(answered.prompts);
  expect(withKind(texts, 'text')).toBe(texts);
});

test('a chat that was opened becomes the text that was to be answered, and is kept', () => {
  const plain = withKind(long, 'text');
  expect(kindOfPrompts(plain)).toBe('text');
  expect(plain.prompts.map(({ passage }) => passage)).toEqual(['E']);
  expect(withKind(plain, 'chat').prompts).toBe(long.prompts);
});

test('a chat is sent from any of its turns, without what followed', () => {
  expect(cutAfter(long, 0, 2).prompts[0]?.passage).toEqual({ messages: [user('A'), model('B'), user('C')] });
  expect(cutAfter(long, 0, 4)).toBe(long);
});

test('a fork has the turns up to one of them, beside the chat, which stays', () => {
  const two = forkedAfter(of(...long.prompts, chat(user('Z'))), 0, 2);
  expect(two.prompts.map(({ passage }) => passage)).toEqual([
    long.prompts[0]?.passage,
    { messages: [user('A'), model('B'), user('C')] },
    { messages: [user('Z')] },
  ]);
  expect(two.prompts[1]?.words).toEqual({ towards: 'x', away: '' });
  // What is changed in one is not changed in the other.
  expect(withMessages(two, 1, [user('Q')]).prompts[0]).toBe(two.prompts[0]);
});

test('a reply goes to the chat that it answers, past prompts that were empty and not run', () => {
  const document = of(chat(user(' ')), chat(user('Hi')));
  expect(placeInDocument(document, 0)).toBe(1);
  expect(placeInResult(document, 1)).toBe(0);
  expect(placeInResult(document, 0)).toBeNull();
  expect(withReply(document, 0, ' Hello.').prompts[1]?.passage).toEqual({
    messages: [user('Hi'), model('Hello.'), user('')],
  });
});
