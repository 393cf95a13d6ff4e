// What is open on the page, and whether single keys act as shortcuts (they can be turned off, because speech input
// and stray hands press keys too).

import { createStore, type StoreApi } from 'zustand/vanilla';
import { type Memory, readChoice, writeChoice } from './memory.ts';

export type OpenDialog = 'model' | 'help' | null;

export interface PageState {
  readonly dialog: OpenDialog;
  readonly singleKeys: boolean;
  readonly open: (dialog: OpenDialog) => void;
  readonly setSingleKeys: (on: boolean) => void;
}

export type PageStore = StoreApi<PageState>;

const key = 'patchbay.single-keys';

export function createPageStore(memory: Memory): PageStore {
  return createStore<PageState>((set) => ({
    dialog: null,
    singleKeys: readChoice(memory, key, ['on', 'off'], 'on') === 'on',
    open: (dialog) => set({ dialog }),
    setSingleKeys: (on) => {
      writeChoice(memory, key, on ? 'on' : 'off');
      set({ singleKeys: on });
    },
  }));
}
