// One line for those who do not see the page change: loads, runs and their ends, spoken through a polite live region.
// Progress is reported at every quarter, not at every message.

import { createStore, type StoreApi } from 'zustand/vanilla';
import type { Progress } from '../../worker/protocol.ts';
import type { AnyPage, AnyPageState } from '../experiment/experimentPage.ts';
import type { Load, ModelStore } from '../model/modelStore.ts';
import type { PromptState, PromptStore } from '../prompt/promptStore.ts';
import { spokenToken } from '../prompt/tokenText.ts';
import { formatBytes, formatCount, formatLayers, formatPercent } from '../quantities.ts';
import type { PageStore } from './pageStore.ts';

export interface StatusState {
  readonly sentence: string;
}

export type StatusStore = StoreApi<StatusState>;

/** Quarters of a load that are done: 0 to 4; 0 while the total is unknown. */
function quarters(load: Load): number {
  if (load.status !== 'loading' || load.progress === null) return 0;
  const { done, total } = load.progress;
  return total === null || total === 0 ? 0 : Math.floor((done / total) * 4);
}

/** @returns what to say about a change of the load, or null when it is not worth a word */
export function loadSentence(load: Load, before: Load): string | null {
  if (load.status === 'failed')
    return load === before ? null : `${load.label} was not loaded. ${load.message}`;
  if (load.status === 'idle') return null;
  if (before.status !== 'loading' || before.label !== load.label) return `Loading ${load.label}.`;
  const done = quarters(load);
  if (done <= quarters(before) || done === 4 || load.progress === null) return null;
  return `Loading ${load.label}: ${done * 25} percent of ${formatBytes(load.progress.total ?? 0)}.`;
}

export function promptSentence(state: PromptState, before: PromptState): string | null {
  if (state.prediction !== before.prediction && state.prediction !== null) {
    const [best] = state.prediction.value.candidates;
    if (best === undefined) return null;
    return `Most probable next token: ${spokenToken(best.text)}, ${formatPercent(best.probability)}.`;
  }
  if (state.run === before.run) return null;
  if (state.run.status === 'failed') return `The prediction failed. ${state.run.message}`;
  if (state.run.status === 'tooLong') {
    return `The prompt has ${formatCount(state.run.count)} tokens; the model reads at most ${formatCount(state.run.limit)}.`;
  }
  return null;
}

/** Runs that a person started; one that comes with what was opened is not worth a word. */
export function runSentence(
  { kind, noun }: AnyPage['face'],
  { run, shown }: AnyPageState,
  { run: was }: AnyPageState,
): string | null {
  const { stage, counted } = kind.words;
  if (run.status === 'running' && run.isAsked) {
    if (was.status !== 'running' || was.key !== run.key) return `${stage}.`;
    const part = (progress: Progress | null): number =>
      progress?.total ? Math.floor((progress.done / progress.total) * 4) : 0;
    const done = part(run.progress);
    return done > part(was.progress) && done < 4 ? `${stage}: ${done * 25} percent.` : null;
  }
  if (run === was || was.status !== 'running' || !was.isAsked) return null;
  if (run.status === 'failed') return `The ${noun} stopped. ${run.message}`;
  if (run.status === 'stopped') return `The ${noun} was cancelled. What has arrived is kept.`;
  return shown === null ? null : `The ${noun} is done: ${kind.count(shown.result).total} ${counted}.`;
}

export function createStatusStore(
  model: ModelStore,
  prompt: PromptStore,
  pages: readonly AnyPage[],
  place: PageStore,
): StatusStore {
  const store = createStore<StatusState>(() => ({ sentence: '' }));
  const say = (sentence: string | null) => {
    if (sentence !== null) store.setState({ sentence });
  };
  model.subscribe((state, before) => {
    if (state.info !== before.info && state.info !== null) {
      const { label, layerCount, width } = state.info;
      return say(`${label} is ready: ${formatLayers(layerCount)}${width > 0 ? `, width ${width}` : ''}.`);
    }
    const wasCancelled = before.load.status === 'loading' && state.load.status === 'idle';
    say(wasCancelled ? `Loading ${before.load.label} was cancelled.` : loadSentence(state.load, before.load));
  });
  prompt.subscribe((state, before) => say(promptSentence(state, before)));
  for (const page of pages) {
    page.store.subscribe((state, before) => {
      if (place.getState().place === page.name) say(runSentence(page.face, state, before));
    });
  }
  return store;
}
