// The texts of tokens by id, asked of the engine as they are needed: a result names tokens by id only. Another model has
// other tokens, so they are forgotten with it.

import { createStore, type StoreApi } from 'zustand/vanilla';
import type { Engine, TokenInfo } from '../../worker/protocol.ts';
import type { ModelStore } from '../model/modelStore.ts';

export interface TokenNamesState {
  readonly names: ReadonlyMap<number, TokenInfo>;
  readonly need: (ids: readonly number[]) => void;
}

export type TokenNamesStore = StoreApi<TokenNamesState>;

export function createTokenNamesStore(engine: Engine, model: ModelStore): TokenNamesStore {
  const asked = new Set<number>();
  const store = createStore<TokenNamesState>((set, get) => ({
    names: new Map(),
    need: (ids) => {
      const { info } = model.getState();
      const unknown = ids.filter((id) => !asked.has(id) && id < (info?.vocabularySize ?? 0));
      if (info === null || unknown.length === 0) return;
      for (const id of unknown) asked.add(id);
      engine.describeTokens(unknown).then(
        (tokens) => {
          if (model.getState().info !== info) return;
          set({ names: new Map([...get().names, ...tokens.map((token) => [token.id, token] as const)]) });
        },
        // Asked again with the next cell; until then its id stands there.
        () => {
          for (const id of unknown) asked.delete(id);
        },
      );
    },
  }));
  model.subscribe((state, before) => {
    if (state.info === before.info) return;
    asked.clear();
    store.setState({ names: new Map() });
  });
  return store;
}
