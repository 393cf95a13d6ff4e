// Whether this browser keeps the page for the time without a network.

import { createStore, type StoreApi } from 'zustand/vanilla';

export interface OfflineState {
  /** Null while that is not known, and where the browser keeps no pages. */
  readonly isKept: boolean | null;
}

export type OfflineStore = StoreApi<OfflineState>;

export const createOfflineStore = (): OfflineStore => createStore<OfflineState>(() => ({ isKept: null }));
