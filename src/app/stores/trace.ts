// The trace of the page: what its controls hold, the result that is shown, and the run in progress. A result knows which
// inputs it belongs to, so that one of earlier inputs is never taken for current; a run that stops keeps what arrived.

import { createStore, type StoreApi } from 'zustand/vanilla';
import type { TraceExperiment } from '../../experiments/trace/experiment.ts';
import { addCells, isComplete, type TraceResult } from '../../experiments/trace/result.ts';
import type { Engine, Progress, TracePart } from '../../worker/protocol.ts';
import { throttled } from '../experiment/throttled.ts';
import type { ModelStore } from '../model/modelStore.ts';
import type { PromptStore } from '../prompt/promptStore.ts';
import { type Draft, draftOf } from '../trace/draft.ts';
import { largestDifference } from '../trace/figure.ts';
import { experimentKey, initialInputs, inputsOf, type TraceInputs } from '../trace/inputs.ts';
import type { TokenRange } from '../trace/subject.ts';

export interface Shown {
  readonly result: TraceResult;
  /** Of the inputs it belongs to: see `experimentKey`. */
  readonly key: string;
  readonly origin: 'stored' | 'run';
  readonly elapsedMs: number | null;
  /** Largest difference of a probability from the stored result, where it was computed again. */
  readonly difference: number | null;
}

export type TraceRun =
  | { readonly status: 'idle' }
  | {
      readonly status: 'running';
      readonly key: string;
      /** Computes a stored result again; the figure waits for its end. */
      readonly isQuiet: boolean;
      /** A person started it; else it came with what was opened, and gives way to an edit. */
      readonly isAsked: boolean;
      readonly startedAt: number;
      readonly progress: Progress | null;
    }
  | { readonly status: 'stopped'; readonly key: string }
  | { readonly status: 'failed'; readonly key: string; readonly message: string };

/** An experiment that was opened and waits for the tokens of its prompt, or to be run once its model is there. */
export interface Pending {
  readonly experiment: TraceExperiment;
  readonly runs: 'quietly' | 'openly' | 'not';
}

export interface TraceState {
  readonly inputs: TraceInputs;
  readonly isSubjectGuessed: boolean;
  readonly shown: Shown | null;
  readonly run: TraceRun;
  readonly pending: Pending | null;
  readonly draft: () => Draft;
  readonly edit: (change: Partial<TraceInputs>) => void;
  readonly mark: (subject: TokenRange) => void;
  /** Put an experiment into the controls, and its stored result, if there is one, into the figure. */
  readonly open: (experiment: TraceExperiment, runs: Pending['runs'], stored?: TraceResult) => void;
  /** A stored result that came after its experiment was opened. */
  readonly showStored: (result: TraceResult) => void;
  readonly start: () => Promise<void>;
  /** Run what was opened; quietly where a stored result stands there already. */
  readonly runOpened: (isQuiet: boolean) => Promise<void>;
  readonly cancel: () => void;
  readonly resume: () => Promise<void>;
}

export type TraceStore = StoreApi<TraceState>;

/** Results kept for the way back; a big one is a few megabytes. */
const keptResults = 8;
const layersBeforeModel = 8;

export function keyOfResult({ experiment, subject, streams }: TraceResult): string {
  const definite = streams.map(({ component, window, heads }) => ({
    component,
    window,
    ...(heads ? { heads } : {}),
  }));
  return experimentKey({ ...experiment, streams: definite }, subject);
}

/** Whether what is shown belongs to the inputs of now. */
export const isShownCurrent = (shown: Shown | null, draft: Draft): boolean =>
  shown !== null && shown.key === draft.key;

const storedAs = (result: TraceResult): Shown => ({
  result,
  key: keyOfResult(result),
  origin: 'stored',
  elapsedMs: null,
  difference: null,
});

export function createTraceStore(engine: Engine, model: ModelStore, prompt: PromptStore): TraceStore {
  const recent = new Map<string, Shown>();
  let current: AbortController | null = null;

  return createStore<TraceState>((set, get) => {
    const draft = (): Draft =>
      draftOf(get().inputs, prompt.getState(), model.getState().info, get().shown?.result ?? null);

    /** Another result in the figure, and what else changes with it: one change of the page, not two. */
    function show(shown: Shown, others: Partial<TraceState> = {}): void {
      recent.delete(shown.key);
      recent.set(shown.key, shown);
      const [oldest] = recent.keys();
      if (recent.size > keptResults && oldest !== undefined) recent.delete(oldest);
      set({ shown, ...others });
    }

    /** A result that was computed for the inputs of now is shown again at once. */
    function recall(): void {
      const { key } = draft();
      const found = key === null ? undefined : recent.get(key);
      if (found && found.key !== get().shown?.key && get().run.status !== 'running') set({ shown: found });
    }

    function stopUnasked(): void {
      const { run } = get();
      if (run.status === 'running' && !run.isAsked && run.key !== draft().key) current?.abort();
    }

    async function compute(
      earlier: TraceResult | null,
      { isQuiet, isAsked }: { readonly isQuiet: boolean; readonly isAsked: boolean },
    ): Promise<void> {
      const { experiment, key } = draft();
      if (experiment === null || key === null || model.getState().info === null) return;
      current?.abort();
      const controller = new AbortController();
      current = controller;
      const { signal } = controller;
      const stored = get().shown;
      const startedAt = performance.now();
      let result = earlier;
      set({ run: { status: 'running', key, isQuiet, isAsked, startedAt, progress: null }, pending: null });
      let progress: Progress | null = null;
      let isPartNew = false;
      const showNews = throttled(() => {
        const isCurrent = current === controller;
        const run: TraceRun = { status: 'running', key, isQuiet, isAsked, startedAt, progress };
        if (result && isPartNew && !isQuiet) {
          const shown: Shown = { result, key, origin: 'run', elapsedMs: null, difference: null };
          show(shown, isCurrent ? { run } : {});
        } else if (isCurrent) set({ run });
        isPartNew = false;
      });
      const onPart = (part: TracePart) => {
        if (part.kind === 'cells') result = result && addCells(result, part.cells);
        else result = result ? { ...part.result, streams: result.streams } : part.result;
        isPartNew = true;
        showNews.soon();
      };
      const onProgress = (next: Progress) => {
        progress = next;
        showNews.soon();
      };
      try {
        const done = earlier ? doneCells(earlier) : [];
        const { elapsedMs } = await engine.trace(experiment, { signal, onProgress, onPart, done });
        showNews.drop();
        const ended: Partial<TraceState> = current === controller ? { run: { status: 'idle' } } : {};
        if (result) {
          const isAgain = isQuiet && stored !== null && stored.key === key;
          const difference = isAgain ? largestDifference(stored.result, result) : null;
          show({ result, key, origin: 'run', elapsedMs: earlier ? null : elapsedMs, difference }, ended);
        } else set(ended);
      } catch (cause) {
        showNews.now();
        if (current !== controller) return; // another run took over
        const message = cause instanceof Error ? cause.message : String(cause);
        if (!signal.aborted) set({ run: { status: 'failed', key, message } });
        else set({ run: isQuiet ? { status: 'idle' } : { status: 'stopped', key } });
      } finally {
        showNews.drop();
        if (current === controller) current = null;
      }
    }

    return {
      inputs: initialInputs(layersBeforeModel),
      isSubjectGuessed: true,
      shown: null,
      run: { status: 'idle' },
      pending: null,
      draft,

      edit: (change) => {
        set({ inputs: { ...get().inputs, ...change }, pending: null });
        stopUnasked();
        recall();
      },

      mark: (subject) => {
        set({ isSubjectGuessed: false });
        get().edit({ subject });
      },

      open: (experiment, runs, stored) => {
        current?.abort();
        // The prompt first: what is pending runs as soon as the prompt's tokens are known, and those of before are.
        const text = typeof experiment.prompt === 'string' ? experiment.prompt : '';
        if (text !== prompt.getState().text) prompt.getState().setText(text);
        const layers = model.getState().info?.layerCount ?? stored?.layerCount ?? layersBeforeModel;
        const given = typeof experiment.subject === 'string' ? (stored?.subject ?? null) : experiment.subject;
        set({
          inputs: inputsOf(experiment, given, layers),
          isSubjectGuessed: false,
          run: { status: 'idle' },
          pending: { experiment, runs },
          ...(stored ? { shown: storedAs(stored) } : {}),
        });
        recall();
      },

      showStored: (result) => {
        const { shown, run } = get();
        const isWanted = run.status !== 'running' || run.isQuiet;
        // What was computed here of these very inputs is newer than anything stored.
        const isComputed = shown?.origin === 'run' && isShownCurrent(shown, draft());
        if (!isWanted || isComputed || shown?.key === keyOfResult(result)) return;
        // Its tokens stand in for the model's until that is there, and so does the subject's place among them.
        const inputs =
          get().inputs.subject === null ? { ...get().inputs, subject: result.subject } : get().inputs;
        set({ shown: storedAs(result), inputs });
      },

      start: () => compute(null, { isQuiet: false, isAsked: true }),
      runOpened: (isQuiet) => compute(null, { isQuiet, isAsked: false }),
      cancel: () => current?.abort(),
      resume: async () => {
        const { shown } = get();
        if (shown && isShownCurrent(shown, draft()) && !isComplete(shown.result)) {
          await compute(shown.result, { isQuiet: false, isAsked: true });
        }
      },
    };
  });
}

function doneCells(result: TraceResult) {
  return result.streams.flatMap(({ cells }, stream) =>
    cells.flatMap((samples, index) => {
      const layer = Math.floor(index / result.positions.length);
      const position = result.positions[index % result.positions.length];
      return samples === null || position === undefined ? [] : [{ stream, layer, position }];
    }),
  );
}
