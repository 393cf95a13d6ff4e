// What the trace of now would cost, asked of the engine whenever its inputs rest for a moment, and what the engine says is
// wrong with them.

import { createStore, type StoreApi } from 'zustand/vanilla';
import type { Engine, TraceEstimate } from '../../worker/protocol.ts';
import type { ModelStore } from '../model/modelStore.ts';
import type { PromptStore } from '../prompt/promptStore.ts';
import type { TraceStore } from './trace.ts';

export type EstimateState =
  | { readonly status: 'none' }
  | { readonly status: 'known'; readonly key: string; readonly value: TraceEstimate }
  | { readonly status: 'refused'; readonly key: string; readonly message: string };

export type EstimateStore = StoreApi<EstimateState>;

const pauseMs = 100;

export function createEstimateStore(
  engine: Engine,
  trace: TraceStore,
  prompt: PromptStore,
  model: ModelStore,
): EstimateStore {
  const store = createStore<EstimateState>(() => ({ status: 'none' }));
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked: string | null = null;

  async function ask(): Promise<void> {
    const { experiment, key } = trace.getState().draft();
    const { info } = model.getState();
    if (experiment === null || key === null || info === null) return;
    const question = `${info.layerCount} ${key}`;
    if (question === asked) return;
    asked = question;
    try {
      const value = await engine.estimateTrace(experiment);
      if (question === asked) store.setState({ status: 'known', key, value }, true);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      if (question === asked) store.setState({ status: 'refused', key, message }, true);
    }
  }

  const askSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), pauseMs);
  };
  trace.subscribe((state, before) => {
    if (state.inputs !== before.inputs) askSoon();
  });
  prompt.subscribe((state, before) => {
    if (state.tokens !== before.tokens) askSoon();
  });
  model.subscribe((state, before) => {
    if (state.info !== before.info) {
      asked = null;
      store.setState({ status: 'none' }, true);
      askSoon();
    }
  });
  return store;
}
