// What the page opens: an example, or the trace in its address. Says what could not be opened, and why.

import { createStore, type StoreApi } from 'zustand/vanilla';
import type { FigureStore } from '../experiment/figureStore.ts';
import type { PageStore } from '../frame/pageStore.ts';
import type { ModelStore } from '../model/modelStore.ts';
import type { PromptStore } from '../prompt/promptStore.ts';
import { followAddress, type PageAddress } from '../trace/address.ts';
import type { Example } from '../trace/examples.ts';
import type { SharedTrace } from '../trace/link.ts';
import type { TraceStore } from './trace.ts';

export interface GalleryState {
  readonly examples: readonly Example[];
  /** Why the link in the address was not opened; null when there is nothing to say. */
  readonly refusal: string | null;
  /** A stored result is on its way. */
  readonly isFetching: boolean;
  readonly openExample: (example: Example) => Promise<void>;
  readonly putAway: () => void;
}

export type GalleryStore = StoreApi<GalleryState>;

interface Stores {
  readonly trace: TraceStore;
  readonly figure: FigureStore;
  readonly prompt: PromptStore;
  readonly model: ModelStore;
  readonly page: PageStore;
}

export function createGalleryStore(
  examples: readonly Example[],
  address: PageAddress,
  stores: Stores,
): GalleryStore {
  const { trace, figure, page } = stores;

  const store = createStore<GalleryState>((set) => ({
    examples,
    refusal: null,
    isFetching: false,
    openExample: async (example) => {
      figure.getState().reset();
      trace.getState().open(example.experiment, 'quietly');
      set({ isFetching: true });
      try {
        const result = await example.result();
        // Another one may have been opened, or the prompt edited, while it was fetched.
        const isWanted = stores.prompt.getState().text === example.experiment.prompt;
        if (result !== null && isWanted) trace.getState().showStored(result);
      } finally {
        set({ isFetching: false });
      }
    },
    putAway: () => set({ refusal: null }),
  }));

  const openFirst = () => {
    const [first] = examples;
    if (first) void store.getState().openExample(first);
  };

  function openShared({ experiment, view }: SharedTrace): void {
    page.getState().go('trace');
    if (typeof experiment.prompt !== 'string') {
      store.setState({
        refusal:
          'The trace in this link gives its prompt as token ids; this page takes text. Run it with the headless runner.',
      });
      if (trace.getState().shown === null) openFirst();
      return;
    }
    figure.getState().reset(view);
    trace.getState().open(experiment, 'openly');
    store.setState({ refusal: null });
  }

  const isLinked = followAddress(address, stores, {
    onOpen: openShared,
    onRefuse: (refusal) => {
      store.setState({ refusal });
      // The page stays as useful as it would be without the link.
      if (trace.getState().shown === null) openFirst();
    },
  });
  if (!isLinked) openFirst();
  return store;
}
