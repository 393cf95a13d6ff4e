// What the cables do, followed while a hand moves them: first the prediction, then what takes longer to read. A result
// knows the experiment that it belongs to, so that one of earlier cables is never taken for current.

import { createStore, type StoreApi } from 'zustand/vanilla';
import { keyOfGiven } from '../../experiments/givenFile.ts';
import { withGivenPromptFiles } from '../../experiments/givenPrompt.ts';
import type { InterveneExperiment } from '../../experiments/intervene/experiment.ts';
import type { InterveneResult } from '../../experiments/intervene/result.ts';
import { type Metric, metricOf, type Samples } from '../../experiments/metrics.ts';
import { messageOf } from '../../messages/wording.ts';
import type { Engine } from '../../worker/protocol.ts';
import { experimentKey } from '../experiment/key.ts';
import type { PageState } from '../experiment/session.ts';
import type { PatchTypes } from './page.ts';

export interface Effect {
  readonly key: string;
  readonly result: InterveneResult;
  /** From the change of a cable to its prediction. */
  readonly elapsedMs: number;
  /** Whether the later positions and what was collected are in it. */
  readonly isWhole: boolean;
}

export interface EffectState {
  readonly effect: Effect | null;
  /** Of the current cables; null where there is nothing to run. */
  readonly key: string | null;
  readonly isRunning: boolean;
  readonly message: string | null;
}

export interface EffectStore
  extends Pick<StoreApi<EffectState>, 'getState' | 'getInitialState' | 'subscribe'> {
  /** @param reader names the weights in use and how they read: a label may name others */
  follow(experiment: InterveneExperiment | null, reader?: string): void;
}

/** How long cables must rest before what takes longer is read. */
const restMs = 120;

export const experimentKeyOf = (experiment: InterveneExperiment, reader?: string): string =>
  JSON.stringify([
    {
      ...experiment,
      base: withGivenPromptFiles(experiment.base, keyOfGiven),
      sources: experiment.sources.map((source) => withGivenPromptFiles(source, keyOfGiven)),
    },
    reader ?? null,
  ]);

/** The metric that the page is about: a difference where there is something to compare with. */
export const metricIn = (samples: Samples): Metric =>
  samples.distractorLogit === undefined ? 'answerLogit' : 'logitDifference';

export const metricValue = (samples: Samples): number =>
  metricOf(samples, metricIn(samples))[0] ?? Number.NaN;

export function createEffectStore(engine: Engine): EffectStore {
  const store = createStore<EffectState>(() => ({
    effect: null,
    key: null,
    isRunning: false,
    message: null,
  }));
  let current: AbortController | null = null;

  async function run(experiment: InterveneExperiment, key: string): Promise<void> {
    current?.abort();
    const controller = new AbortController();
    current = controller;
    const { signal } = controller;
    const started = performance.now();
    store.setState({ key, isRunning: true, message: null });
    try {
      const quick = await engine.intervene(experiment, { signal, isWhole: false });
      const elapsedMs = performance.now() - started;
      if (signal.aborted) return;
      store.setState({ effect: { key, result: quick, elapsedMs, isWhole: false } });
      await new Promise((resolve) => setTimeout(resolve, restMs));
      if (signal.aborted) return;
      const result = await engine.intervene(experiment, { signal });
      if (!signal.aborted)
        store.setState({ effect: { key, result, elapsedMs, isWhole: true }, isRunning: false });
    } catch (cause) {
      if (!signal.aborted) store.setState({ isRunning: false, message: messageOf(cause) });
    }
  }

  return {
    ...store,
    follow: (experiment, reader) => {
      const key = experiment && experimentKeyOf(experiment, reader);
      if (key === store.getState().key) return;
      if (experiment !== null && key !== null) return void run(experiment, key);
      current?.abort();
      store.setState({ key: null, isRunning: false, message: null });
    },
  };
}

/** Names the numbers: what the rack shows is none of them. */
const numbersKey = ({ rack: _, ...experiment }: InterveneExperiment): string => experimentKey(experiment);

/** The result that stands in for the model's before it is there; null once other prompts or cables stand in its place. */
export function storedEffect({
  world,
  shown,
  draft,
}: Pick<PageState<PatchTypes>, 'world' | 'shown' | 'draft'>): InterveneResult | null {
  if (world.model !== null || shown === null || draft.experiment === null) return null;
  return numbersKey(draft.experiment) === numbersKey(shown.result.experiment) ? shown.result : null;
}
