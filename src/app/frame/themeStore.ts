// Which of the two themes the page shows: the system's, or one that was chosen here and is remembered.

import { createStore, type StoreApi } from 'zustand/vanilla';
import { type Memory, readChoice, writeChoice } from './memory.ts';

export const themeChoices = ['system', 'light', 'dark'] as const;
export type ThemeChoice = (typeof themeChoices)[number];

export interface ThemeState {
  readonly choice: ThemeChoice;
  readonly choose: (choice: ThemeChoice) => void;
}

export type ThemeStore = StoreApi<ThemeState>;

const key = 'patchbay.theme';

export function createThemeStore(memory: Memory): ThemeStore {
  return createStore<ThemeState>((set) => ({
    choice: readChoice(memory, key, themeChoices, 'system'),
    choose: (choice) => {
      writeChoice(memory, key, choice);
      set({ choice });
    },
  }));
}
