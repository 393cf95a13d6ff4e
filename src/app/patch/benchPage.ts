// The document of the page with its history, and what the model makes of its prompts.

import { createStore, type StoreApi } from 'zustand/vanilla';
import type { Engine, ModelInfo } from '../../worker/protocol.ts';
import type { ModelStore } from '../model/modelStore.ts';
import { createPromptStore, isCurrent, type PromptStore } from '../prompt/promptStore.ts';
import type { PatchDocument } from './document.ts';
import type { Readings } from './draft.ts';

/** What the stores and the components of the page know of the document's keeper. */
export interface BenchPage {
  readonly store: Pick<StoreApi<BenchState>, 'getState' | 'getInitialState' | 'subscribe'>;
  /** @param field what is being typed into, so that typing is one step of undo */
  edit(change: (document: PatchDocument) => PatchDocument, field?: string): void;
  undo(): void;
  redo(): void;
}

export interface BenchState {
  readonly document: PatchDocument;
  readonly past: readonly PatchDocument[];
  readonly future: readonly PatchDocument[];
  readonly readings: Readings;
  readonly model: ModelInfo | null;
}

const mostSteps = 200;
const pauseMs = 1000;

export function createBenchPage(engine: Engine, model: ModelStore, blank: PatchDocument): BenchPage {
  const prompts: PromptStore[] = [];
  let open: { readonly field: string; readonly at: number } | null = null;
  const store = createStore<BenchState>(() => ({
    document: blank,
    past: [],
    future: [],
    readings: [],
    model: null,
  }));
  const textsOf = ({ base, sources }: PatchDocument) => [base, ...sources];

  function follow(): void {
    const texts = textsOf(store.getState().document);
    const info = model.getState().info;
    texts.forEach((text, index) => {
      if (!prompts[index]) {
        const prompt = createPromptStore(engine, () => model.getState().info, '');
        prompt.subscribe(read);
        prompts.push(prompt);
      }
      const prompt = prompts[index];
      if (prompt && prompt.getState().text !== text) prompt.getState().setText(text);
    });
    if (info !== store.getState().model) {
      store.setState({ model: info });
      for (const prompt of prompts) prompt.getState().refresh();
    }
    read();
  }

  function read(): void {
    const { document, model: info } = store.getState();
    const readings = textsOf(document).map((text, index) => {
      const state = prompts[index]?.getState();
      const { tokens = null, prediction = null } = state ?? {};
      return {
        text,
        tokens: tokens && isCurrent(tokens, text, info) ? tokens.value : null,
        prediction: prediction && isCurrent(prediction, text, info) ? prediction.value : null,
      };
    });
    const before = store.getState().readings;
    const isSame =
      readings.length === before.length &&
      readings.every(
        ({ text, tokens, prediction }, index) =>
          text === before[index]?.text &&
          tokens === before[index]?.tokens &&
          prediction === before[index]?.prediction,
      );
    if (!isSame) store.setState({ readings });
  }

  model.subscribe(({ info }, before) => {
    if (info !== before.info) follow();
  });
  follow();

  return {
    store,
    edit: (change, field) => {
      const { document, past } = store.getState();
      const next = change(document);
      if (next === document) return;
      const at = performance.now();
      const joins = field !== undefined && open?.field === field && at - open.at <= pauseMs;
      open = field === undefined ? null : { field, at };
      store.setState({
        document: next,
        past: joins ? past : [...past, document].slice(-mostSteps),
        future: [],
      });
      follow();
    },
    undo: () => {
      const { document, past, future } = store.getState();
      const before = past.at(-1);
      open = null;
      if (before)
        store.setState({ document: before, past: past.slice(0, -1), future: [document, ...future] });
      follow();
    },
    redo: () => {
      const { document, past, future } = store.getState();
      const [next] = future;
      open = null;
      if (next) store.setState({ document: next, past: [...past, document], future: future.slice(1) });
      follow();
    },
  };
}
