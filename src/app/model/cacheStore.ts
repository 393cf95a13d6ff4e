// What this browser keeps of models, asked of the engine whenever a load has ended.

import { createStore, type StoreApi } from 'zustand/vanilla';
import { messageOf } from '../../messages/wording.ts';
import type { CacheInfo, Engine } from '../../worker/protocol.ts';

export interface CacheState {
  /** Null until the engine has answered. */
  readonly info: CacheInfo | null;
  /** What went wrong with the last question or order. */
  readonly problem: string | null;
  readonly refresh: () => Promise<void>;
  /** Forget one model, or all with null. */
  readonly forget: (label: string | null) => Promise<void>;
}

export type CacheStore = StoreApi<CacheState>;

export function createCacheStore(engine: Engine): CacheStore {
  return createStore<CacheState>((set) => {
    async function take(answer: Promise<CacheInfo>): Promise<void> {
      try {
        set({ info: await answer, problem: null });
      } catch (cause) {
        set({ problem: messageOf(cause) });
      }
    }
    return {
      info: null,
      problem: null,
      refresh: () => take(engine.cache()),
      forget: (label) => take(engine.forget(label)),
    };
  });
}
