// The document of the page, and what the model makes of its prompts, as the page's own stores see them: the rooms keep them.

import { createStore, type StoreApi } from 'zustand/vanilla';
import type { ModelInfo } from '../../worker/protocol.ts';
import type { ExperimentPage } from '../experiment/experimentPage.ts';
import type { PatchDocument } from './document.ts';
import type { Readings } from './draft.ts';
import type { PatchTypes } from './page.ts';

export interface BenchState {
  readonly document: PatchDocument;
  readonly readings: Readings;
  readonly model: ModelInfo | null;
}

export interface BenchPage {
  readonly store: Pick<StoreApi<BenchState>, 'getState' | 'getInitialState' | 'subscribe'>;
  /** @param field what is being typed into, so that typing is one step of undo */
  edit(change: (document: PatchDocument) => PatchDocument, field?: string): void;
  undo(): void;
  redo(): void;
}

const isSameReadings = (a: Readings, b: Readings): boolean =>
  a.length === b.length &&
  a.every(
    ({ text, tokens, prediction }, index) =>
      text === b[index]?.text && tokens === b[index]?.tokens && prediction === b[index]?.prediction,
  );

export function benchPageOf(page: ExperimentPage<PatchTypes>): BenchPage {
  const stateOf = ({ history, world }: ReturnType<typeof page.store.getState>): BenchState => ({
    document: history.present,
    model: world.model,
    readings: world.readings.map(({ text, tokens, prediction }) => ({ text, tokens, prediction })),
  });
  const store = createStore<BenchState>(() => stateOf(page.store.getState()));
  page.store.subscribe((state) => {
    const next = stateOf(state);
    const before = store.getState();
    // Readings are made anew with every look at them; what they say stays.
    const readings = isSameReadings(next.readings, before.readings) ? before.readings : next.readings;
    const isSame =
      next.document === before.document && next.model === before.model && readings === before.readings;
    if (!isSame) store.setState({ ...next, readings });
  });
  return {
    store,
    edit: (change, field) => page.edit(change, field),
    undo: () => page.undo(),
    redo: () => page.redo(),
  };
}
