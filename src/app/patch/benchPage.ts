// The document of the page, and what the model makes of its prompts, as the page's own stores see them: the rooms keep them.

import { createStore, type StoreApi } from 'zustand/vanilla';
import type { Engine, ModelInfo } from '../../worker/protocol.ts';
import type { ExperimentPage } from '../experiment/experimentPage.ts';
import type { PatchDocument } from './document.ts';
import type { Reading, Readings } from './draft.ts';
import type { PatchTypes } from './page.ts';
import { createWholeReadings, promptKey } from './wholeReadings.ts';

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
    ({ text, tokens, prediction, written, message }, index) =>
      text === b[index]?.text &&
      tokens === b[index]?.tokens &&
      prediction === b[index]?.prediction &&
      written === b[index]?.written &&
      message === b[index]?.message,
  );

export function benchPageOf(page: ExperimentPage<PatchTypes>, engine: Engine): BenchPage {
  const whole = createWholeReadings(engine);
  const stateOf = ({ history, world }: ReturnType<typeof page.store.getState>): BenchState => {
    const { present: document } = history;
    const { model } = world;
    const found = whole.getState();
    const readings = world.readings.map(({ text, tokens, prediction }, place): Reading => {
      if (!model?.reads) return { text, tokens, prediction };
      const own = found[place];
      if (!own || own.key !== promptKey(document, place, model))
        return { text, tokens: null, prediction: null, written: null };
      const { written, message } = own;
      return {
        text,
        tokens: own.tokens,
        prediction: own.prediction,
        written,
        ...(message === null ? {} : { message }),
      };
    });
    return { document, model, readings };
  };
  const store = createStore<BenchState>(() => stateOf(page.store.getState()));
  const look = () => {
    const next = stateOf(page.store.getState());
    const before = store.getState();
    // Readings are made anew with every look at them; what they say stays.
    const readings = isSameReadings(next.readings, before.readings) ? before.readings : next.readings;
    const isSame =
      next.document === before.document && next.model === before.model && readings === before.readings;
    if (!isSame) store.setState({ ...next, readings });
  };
  const follow = () => {
    const { history, world } = page.store.getState();
    whole.follow(history.present, world.model);
  };
  page.store.subscribe(() => {
    follow();
    look();
  });
  whole.subscribe(look);
  follow();
  look();
  return {
    store,
    edit: (change, field) => page.edit(change, field),
    undo: () => page.undo(),
    redo: () => page.redo(),
  };
}
