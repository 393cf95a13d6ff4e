import { expect, test } from 'vitest';
import { begun, changed, type History, redone, undone } from './history.ts';

const typed = (history: History<string>, text: string, at: number, field = 'prompt') =>
  changed(history, text, { field, at });

test('letters typed without a pause are one step, and a pause, another field or an undo begins the next', () => {
  let history = begun('');
  history = typed(history, 'a', 0);
  history = typed(history, 'ab', 400);
  history = typed(history, 'abc', 900);
  history = typed(history, 'abc d', 3000);
  history = typed(history, 'abc d e', 3100, 'seed');
  expect(history.past).toEqual(['', 'abc', 'abc d']);
  const back = undone(history);
  expect(back.present).toBe('abc d');
  expect(typed(back, 'abc x', 3150, 'seed').past).toEqual(['', 'abc', 'abc d']);
});

test('undo and redo lead through the same documents, which are not copied', () => {
  const documents = [{ n: 0 }, { n: 1 }, { n: 2 }] as const;
  let history = begun<{ readonly n: number }>(documents[0]);
  for (const document of documents.slice(1)) history = changed(history, document);
  const back = undone(undone(history));
  expect(back.present).toBe(documents[0]);
  expect(redone(redone(back)).present).toBe(documents[2]);
  expect(undone(back)).toBe(back);
  expect(redone(history)).toBe(history);
});

test('a change after an undo takes the place of what was undone', () => {
  const history = changed(undone(changed(changed(begun(1), 2), 3)), 4);
  expect(history).toMatchObject({ past: [1, 2], present: 4, future: [] });
});

test('a change to the same document is not a step', () => {
  const history = changed(begun(1), 2);
  expect(changed(history, 2)).toBe(history);
});

test('two hundred steps are kept, and the oldest gives way', () => {
  let history = begun(0);
  for (let step = 1; step <= 250; step++) history = changed(history, step);
  expect(history.past).toHaveLength(200);
  expect(history.past[0]).toBe(50);
});
