// The model in use, and the load in progress if there is one. The two are apart: while another model loads, and after
// a load that failed or was cancelled, the previous one stays in use.

import { createStore, type StoreApi } from 'zustand/vanilla';
import { messageOf } from '../../messages/wording.ts';
import type { Engine, ModelInfo, ModelSource, Progress } from '../../worker/protocol.ts';

/** The control that a load was started from; its progress and its error are shown there. */
export type Origin = 'embedded' | 'files' | 'hub' | 'catalogue' | 'kept';

export type Load =
  | { readonly status: 'idle' }
  | {
      readonly status: 'loading';
      readonly origin: Origin;
      readonly label: string;
      readonly progress: Progress | null;
    }
  | {
      readonly status: 'failed';
      readonly origin: Origin;
      readonly label: string;
      readonly message: string;
    };

export interface ModelState {
  readonly info: ModelInfo | null;
  readonly load: Load;
  /** Whether a model is served beside the page; null while that is being asked. */
  readonly isEmbeddedServed: boolean | null;
  readonly start: (origin: Origin, label: string, source: ModelSource) => Promise<void>;
  readonly cancel: () => void;
  /** Show a problem that was found before the engine had to be asked. */
  readonly refuse: (origin: Origin, label: string, message: string) => void;
  /** Load the embedded model. */
  readonly startEmbedded: () => Promise<void>;
}

export type ModelStore = StoreApi<ModelState>;

export interface EmbeddedModel {
  readonly label: string;
  /** Ends with a slash. */
  readonly url: string;
  readonly isServed: () => Promise<boolean>;
}

export function createModelStore(engine: Engine, embedded: EmbeddedModel): ModelStore {
  let current: AbortController | null = null;

  const store = createStore<ModelState>((set, get) => ({
    info: null,
    load: { status: 'idle' },
    isEmbeddedServed: null,

    start: async (origin, label, source) => {
      current?.abort();
      const controller = new AbortController();
      current = controller;
      const { signal } = controller;
      set({ load: { status: 'loading', origin, label, progress: null } });
      const onProgress = (progress: Progress) => {
        if (current === controller) set({ load: { status: 'loading', origin, label, progress } });
      };
      try {
        const info = await engine.loadModel(source, { signal, onProgress });
        if (current === controller) set({ info, load: { status: 'idle' } });
      } catch (cause) {
        if (current !== controller) return; // another load took over, and shows itself
        const message = messageOf(cause);
        set({ load: signal.aborted ? { status: 'idle' } : { status: 'failed', origin, label, message } });
      } finally {
        if (current === controller) current = null;
      }
    },

    cancel: () => current?.abort(),

    refuse: (origin, label, message) => {
      current?.abort();
      current = null;
      set({ load: { status: 'failed', origin, label, message } });
    },

    startEmbedded: () => {
      const { label, url } = embedded;
      return get().start('embedded', label, { kind: 'url', url, label });
    },
  }));

  embedded.isServed().then(
    (isEmbeddedServed) => store.setState({ isEmbeddedServed }),
    () => store.setState({ isEmbeddedServed: false }),
  );
  return store;
}
