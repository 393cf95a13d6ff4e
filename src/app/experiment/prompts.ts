// What the engine makes of a document's prompts: a reader for each, which follows its text.

import type { Engine, ModelInfo } from '../../worker/protocol.ts';
import { createPromptStore, isCurrent, type PromptStore } from '../prompt/promptStore.ts';
import type { Reading } from './session.ts';

export interface Prompts {
  /** Read these texts from now on. */
  follow(texts: readonly string[]): void;
  /** Another model has come. */
  refresh(): void;
  readings(): readonly Reading[];
  readonly stores: () => readonly PromptStore[];
}

/** @param onNews called when a reader has learnt something, but not from within `follow` or `refresh` */
export function createPrompts(engine: Engine, model: () => ModelInfo | null, onNews: () => void): Prompts {
  const stores: PromptStore[] = [];
  let count = 0;
  let isMuted = false;

  function muted(act: () => void): void {
    isMuted = true;
    try {
      act();
    } finally {
      isMuted = false;
    }
  }

  function grow(): PromptStore {
    const store = createPromptStore(engine, model);
    store.subscribe(() => {
      if (!isMuted) onNews();
    });
    stores.push(store);
    return store;
  }

  return {
    follow: (texts) =>
      muted(() => {
        count = texts.length;
        for (const [index, text] of texts.entries()) {
          const store = stores[index] ?? grow();
          if (store.getState().text !== text) store.getState().follow(text);
        }
      }),
    refresh: () =>
      muted(() => {
        for (const store of stores.slice(0, count)) store.getState().refresh();
      }),
    readings: () =>
      stores.slice(0, count).map((store): Reading => {
        const { text, tokens, prediction, run } = store.getState();
        const info = model();
        return {
          text,
          tokens: tokens !== null && isCurrent(tokens, text, info) ? tokens.value : null,
          prediction: prediction !== null && isCurrent(prediction, text, info) ? prediction.value : null,
          isBusy: run.status === 'running',
        };
      }),
    stores: () => stores.slice(0, count),
  };
}
