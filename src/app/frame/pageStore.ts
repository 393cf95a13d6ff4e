// Which page is in view, what is open on it, and whether single keys act as shortcuts (they can be turned off, because speech input
// and stray hands press keys too).

import { createStore, type StoreApi } from 'zustand/vanilla';
import { type Memory, readChoice, writeChoice } from './memory.ts';

export type OpenDialog = 'model' | 'help' | null;

/** The name of a page: of a kind of experiment, or `modelPlace`. */
export type Place = string;

export const modelPlace = 'model';

export interface PageState {
  readonly place: Place;
  readonly dialog: OpenDialog;
  readonly singleKeys: boolean;
  readonly go: (place: Place) => void;
  readonly open: (dialog: OpenDialog) => void;
  readonly setSingleKeys: (on: boolean) => void;
}

export type PageStore = StoreApi<PageState>;

const key = 'patchbay.single-keys';

export function createPageStore(memory: Memory): PageStore {
  return createStore<PageState>((set) => ({
    place: '',
    dialog: null,
    singleKeys: readChoice(memory, key, ['on', 'off'], 'on') === 'on',
    go: (place) => set({ place }),
    open: (dialog) => set({ dialog }),
    setSingleKeys: (on) => {
      writeChoice(memory, key, on ? 'on' : 'off');
      set({ singleKeys: on });
    },
  }));
}
