import { expect, test, vi } from 'vitest';
import { createWorkbench } from '../workbench.ts';
import type { PageAddress } from './address.ts';

/** A window's history: entries, and where it is. */
function history(first = '') {
  const entries = [first];
  let at = 0;
  const listeners: (() => void)[] = [];
  const move = (to: number) => {
    at = to;
    for (const listener of listeners) listener();
  };
  const address: PageAddress = {
    fragment: () => entries[at] ?? '',
    push: (fragment) => {
      entries.splice(at + 1, entries.length, fragment);
      at += 1;
    },
    replace: (fragment) => void entries.splice(at, 1, fragment),
    onMove: (listener) => void listeners.push(listener),
  };
  return {
    address,
    entries,
    back: () => move(at - 1),
    /** As a link to a place on the page does. */
    jump: (fragment: string) => {
      address.push(fragment);
      move(at);
    },
  };
}

const missing = () => Promise.reject(new Error('not part of this test'));
const bench = (address: PageAddress) =>
  createWorkbench({
    engine: {
      device: missing,
      loadModel: missing,
      tokenize: missing,
      predict: missing,
      describeTokens: missing,
      intervene: missing,
      estimateSockets: missing,
      meanActivation: missing,
      alignTask: missing,
      alignOwnAnswers: missing,
      alignLearned: missing,
      finetuneExamples: missing,
      finetuneFill: missing,
      estimate: missing,
      run: missing,
      generate: missing,
      writeChat: missing,
      cache: missing,
      forget: missing,
    },
    embedded: { label: 'tiny', url: '', isServed: async () => false },
    memory: { getItem: () => null, setItem: () => {} },
    address,
    examples: [],
  });

test('a page has its name in the address, and the way back leads to the page before', () => {
  const { address, entries, back } = history();
  const { page } = bench(address);
  expect(page.getState().place).toBe('trace');
  page.getState().go('model');
  expect(entries).toEqual(['', '#model']);
  back();
  expect(page.getState().place).toBe('trace');
  expect(entries).toEqual(['', '#model']);
});

test('a page is opened by its name, and an unknown page opens the first', () => {
  expect(bench(history('#model').address).page.getState().place).toBe('model');
  expect(bench(history('#nowhere').address).page.getState().place).toBe('trace');
});

test('a place on the page does not take the experiment’s place in the address', () => {
  const { address, entries, jump } = history();
  const { page } = bench(address);
  page.getState().go('model');
  jump('#main');
  expect(page.getState().place).toBe('model');
  expect(entries.at(-1)).toBe('#model');
});

test('a link that cannot be read is refused in a sentence, and the page opens as it would without', async () => {
  const { page, opening } = bench(history('#v1.AAAA').address);
  await vi.waitFor(() => expect(opening.getState().refusal?.message).toMatch(/damaged/));
  expect(page.getState().place).toBe('trace');
});

test('what is too large for a link leaves the name of its page, and opens all the same', async () => {
  const { address, entries } = history();
  const { page, trace } = bench(address);
  const experiment = { kind: 'trace', version: 1, model: 'tiny', subject: [0, 1] };
  trace.openExperiment({ ...experiment, prompt: 'a b' });
  await vi.waitFor(() => expect(entries.at(-1)).toMatch(/^#v1\./));
  trace.openExperiment({ ...experiment, prompt: 'c d', title: 'a'.repeat(2 ** 20) });
  await vi.waitFor(() => expect(entries.at(-1)).toBe('#trace'));
  expect(page.getState().place).toBe('trace');
  expect(trace.store.getState().history.present.prompt).toBe('c d');
});
