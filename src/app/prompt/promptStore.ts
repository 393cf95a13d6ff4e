// A prompt's tokens, and what the model says comes next. The text belongs to a document; this follows it: tokens after a
// short pause, the prediction after a longer one; a later edit or another model aborts it. Tokens and results remember the
// text and the model they belong to, so nothing stale can pass for current.

import { createStore, type StoreApi } from 'zustand/vanilla';
import { messageOf } from '../../messages/wording.ts';
import type { Engine, ModelInfo, Prediction, Progress, TokenInfo } from '../../worker/protocol.ts';

/** Something that was computed for one text and one model. */
export interface Computed<Value> {
  readonly text: string;
  readonly model: ModelInfo;
  readonly value: Value;
}

export type Run =
  | { readonly status: 'idle' }
  /** `progress` stays null until the prediction itself has begun. */
  | { readonly status: 'running'; readonly progress: Progress | null }
  | { readonly status: 'tooLong'; readonly count: number; readonly limit: number }
  | { readonly status: 'failed'; readonly message: string };

export interface PromptState {
  readonly text: string;
  readonly tokens: Computed<readonly TokenInfo[]> | null;
  readonly prediction: Computed<Prediction> | null;
  readonly run: Run;
  /** Another text stands in the document. */
  readonly follow: (text: string) => void;
  /** Tokenize and predict again at once: after another model has come, or when a person asks to try again. */
  readonly refresh: () => void;
}

export type PromptStore = StoreApi<PromptState>;

/** How long a text must rest before it is tokenized, and then before the model runs. */
export const tokenizePauseMs = 60;
export const predictPauseMs = 240;

export const candidateCount = 10;

export const examplePrompts: readonly string[] = [
  'The Eiffel Tower is located in the city of',
  'When Mary and John went to the store, John gave a drink to',
];

/** Resolves after `ms`, or at once when `signal` aborts; the caller looks at the signal. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

export function createPromptStore(engine: Engine, currentModel: () => ModelInfo | null): PromptStore {
  let current: AbortController | null = null;

  return createStore<PromptState>((set, get) => {
    async function read(pauses: { readonly tokenizeMs: number; readonly predictMs: number }): Promise<void> {
      current?.abort();
      current = null;
      const model = currentModel();
      const { text } = get();
      if (model === null || text === '') return set({ run: { status: 'idle' } });

      const controller = new AbortController();
      current = controller;
      const { signal } = controller;
      set({ run: { status: 'running', progress: null } });
      try {
        await pause(pauses.tokenizeMs, signal);
        if (signal.aborted) return;
        const tokens = await engine.tokenize(text);
        if (signal.aborted) return;
        set({ tokens: { text, model, value: tokens } });
        if (tokens.length > model.maxPositions) {
          return set({ run: { status: 'tooLong', count: tokens.length, limit: model.maxPositions } });
        }
        await pause(pauses.predictMs, signal);
        if (signal.aborted) return;
        const onProgress = (progress: Progress) => {
          if (!signal.aborted) set({ run: { status: 'running', progress } });
        };
        const value = await engine.predict(text, { signal, onProgress, count: candidateCount });
        if (!signal.aborted) set({ prediction: { text, model, value }, run: { status: 'idle' } });
      } catch (cause) {
        if (signal.aborted) return;
        set({ run: { status: 'failed', message: messageOf(cause) } });
      }
    }

    return {
      text: '',
      tokens: null,
      prediction: null,
      run: { status: 'idle' },
      follow: (text) => {
        set({ text });
        void read({ tokenizeMs: tokenizePauseMs, predictMs: predictPauseMs });
      },
      refresh: () => void read({ tokenizeMs: 0, predictMs: 0 }),
    };
  });
}

/** Whether something computed belongs to the current text and model. */
export function isCurrent(
  computed: Computed<unknown> | null,
  text: string,
  model: ModelInfo | null,
): boolean {
  return computed !== null && computed.text === text && computed.model === model;
}
