// One run at a time, over all pages: the engine computes one after the other, and a second one that waited in silence would
// look as if it hung. What nobody asked for gives way; what a person started is not taken from them by another page.

import { createStore, type StoreApi } from 'zustand/vanilla';

export interface DeskRun {
  /** The page that it belongs to, as its tab is called. */
  readonly page: string;
  /** A person started it. */
  readonly isAsked: boolean;
}

export interface DeskState {
  readonly run: DeskRun | null;
}

/** A run's hold of the engine. */
export interface Turn {
  readonly signal: AbortSignal;
  readonly cancel: () => void;
  readonly end: () => void;
}

export interface RunDesk extends Pick<StoreApi<DeskState>, 'getState' | 'getInitialState' | 'subscribe'> {
  /**
   * Take the engine for a run. What runs already is cancelled where `inTheWay` lets it be.
   * @returns null while another page's run is in the way
   */
  begin(run: DeskRun): Turn | null;
  /** Cancel whatever runs, on whichever page. */
  cancel(): void;
}

/** The run that one of `page` would have to wait for; null where it may begin. */
export function inTheWay({ run }: DeskState, { page, isAsked }: DeskRun): DeskRun | null {
  if (run === null || run.page === page) return null;
  return run.isAsked || !isAsked ? run : null;
}

export function createRunDesk(): RunDesk {
  const store = createStore<DeskState>(() => ({ run: null }));
  let current: AbortController | null = null;
  return {
    ...store,
    begin: (run) => {
      if (inTheWay(store.getState(), run) !== null) return null;
      current?.abort();
      const controller = new AbortController();
      current = controller;
      store.setState({ run });
      return {
        signal: controller.signal,
        cancel: () => controller.abort(),
        end: () => {
          // Another run may have taken over.
          if (current !== controller) return;
          current = null;
          store.setState({ run: null });
        },
      };
    },
    cancel: () => current?.abort(),
  };
}
