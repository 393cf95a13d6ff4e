// What the Align page keeps beside its document and its runs: which examples are in view, the task under the model's tokens, what the model makes of it by
// itself, sites that were trained again with other settings, and what was learned at the site that is looked at.

import { createStore, type StoreApi } from 'zustand/vanilla';
import type { AlignExperiment } from '../../experiments/align/experiment.ts';
import { alignKind } from '../../experiments/align/kind.ts';
import type { LearnedSite } from '../../experiments/align/learned.ts';
import { learnedBasis } from '../../experiments/align/learnedBasis.ts';
import type { AlignResult } from '../../experiments/align/result.ts';
import type { AlignTask, AlignTaskRequest, OwnAnswers } from '../../experiments/align/task.ts';
import { messageOf } from '../../messages/wording.ts';
import type { Engine, ModelInfo } from '../../worker/protocol.ts';
import type { ExperimentPage } from '../experiment/experimentPage.ts';
import type { RunDesk } from '../experiment/runDesk.ts';
import type { AlignTypes } from './page.ts';
import type { SiteChoice } from './variants.ts';

/** Something that the engine is asked; what it said last stays until it says something else. */
export interface Answer<Value> {
  /** Of what was asked. */
  readonly key: string;
  readonly status: 'asking' | 'known' | 'refused';
  readonly value: Value | null;
  readonly message: string | null;
}

export interface BenchState {
  /** Of the examples one by one the first that is in view. */
  readonly from: number;
  readonly task: Answer<AlignTask> | null;
  readonly own: Answer<OwnAnswers> | null;
  readonly learned: Answer<LearnedSite> | null;
  /** One site that is trained again; its result is among `others` once it is finished. */
  readonly again: {
    readonly status: 'idle' | 'running' | 'failed';
    readonly part: number;
    readonly message: string | null;
    readonly result: AlignResult | null;
  };
  readonly others: readonly AlignResult[];
}

export interface AlignBench {
  readonly store: Pick<StoreApi<BenchState>, 'getState' | 'getInitialState' | 'subscribe'>;
  /** Bring examples into view. */
  showFrom(from: number): void;
  /** Measure what the model makes of the task, however long that takes. */
  askOwn(): void;
  /** Read the prompts along what was learned at a site. */
  askLearned(choice: SiteChoice): void;
  /** Train one site with other settings. */
  trainAgain(experiment: AlignExperiment): Promise<void>;
  cancelAgain(): void;
}

const pauseMs = 200;
/** Parameters times prompts: what a page measures unasked. About a second on two threads. */
const quickWork = 1e9;

/** How a site that was trained again came out. */
function outcomeOf({ sites, notices }: AlignResult): string {
  const site = sites.find((each) => each !== null);
  const stopped = notices.find(({ code }) => code === 'training-stopped');
  const accuracy = site?.final?.testAccuracy;
  return [
    accuracy === undefined
      ? 'It was trained again.'
      : `Trained again, its IIA on the test is ${accuracy.toFixed(3)}.`,
    ...(stopped === undefined ? [] : [stopped.text]),
  ].join(' ');
}

export function createAlignBench(
  engine: Engine,
  page: ExperimentPage<AlignTypes>,
  desk: RunDesk,
): AlignBench {
  const store = createStore<BenchState>(() => ({
    from: 0,
    task: null,
    own: null,
    learned: null,
    again: { status: 'idle', part: 0, message: null, result: null },
    others: [],
  }));
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopAgain: () => void = () => {};
  const stops = new Map<string, AbortController>();

  /** Asks, and forgets what was asked before: only the latest answer counts. */
  async function ask<Name extends 'task' | 'own' | 'learned'>(
    name: Name,
    key: string,
    work: (signal: AbortSignal) => Promise<NonNullable<BenchState[Name]>['value']>,
  ): Promise<void> {
    const before = store.getState()[name];
    if (before?.key === key && before.status !== 'refused') return;
    stops.get(name)?.abort();
    const stop = new AbortController();
    stops.set(name, stop);
    store.setState({ [name]: { key, status: 'asking', value: before?.value ?? null, message: null } });
    try {
      const value = await work(stop.signal);
      if (!stop.signal.aborted) store.setState({ [name]: { key, status: 'known', value, message: null } });
    } catch (cause) {
      if (stop.signal.aborted) return;
      const message = messageOf(cause);
      store.setState({ [name]: { key, status: 'refused', value: before?.value ?? null, message } });
    }
  }

  const modelKey = (model: ModelInfo): string => model.fingerprint ?? model.label;
  const keyOf = (request: AlignTaskRequest, model: ModelInfo) => JSON.stringify([modelKey(model), request]);
  let asked: { readonly request: AlignTaskRequest; readonly model: ModelInfo } | null = null;

  function follow(): void {
    const { draft, world } = page.store.getState();
    const { task: request } = draft;
    if (request === null || world.model === null) return;
    if (asked?.request === request && asked.model === world.model) return;
    asked = { request, model: world.model };
    clearTimeout(timer);
    timer = setTimeout(() => void lookAt(request, world.model), pauseMs);
  }

  async function lookAt(request: AlignTaskRequest, model: ModelInfo | null): Promise<void> {
    if (model === null) return;
    const key = keyOf(request, model);
    await ask('task', key, (signal) => engine.alignTask(request, { signal }));
    const { task } = store.getState();
    if (task?.key !== key || task.value === null || task.status !== 'known') return;
    if (task.value.promptCount * model.parameterCount <= quickWork) askOwn();
  }

  function askOwn(): void {
    const { draft, world } = page.store.getState();
    const { task: request } = draft;
    if (request === null || world.model === null) return;
    void ask('own', keyOf(request, world.model), (signal) => engine.alignOwnAnswers(request, { signal }));
  }

  page.store.subscribe(follow);
  // Another document: its examples begin at the first.
  page.store.subscribe(({ opened }, before) => {
    if (opened !== null && opened.experiment !== before.opened?.experiment) store.setState({ from: 0 });
  });
  follow();

  return {
    store,
    showFrom: (from) => store.setState({ from }),
    askOwn,
    askLearned: ({ result, site, index }) => {
      const { data, testData, split } = result.experiment;
      const basis = learnedBasis(result, site);
      if (basis === null) return store.setState({ learned: null });
      const key = JSON.stringify([result.experiment, index, site.steps.loss.length, site.end]);
      void ask('learned', key, (signal) =>
        engine.alignLearned(
          {
            data,
            testData,
            split,
            component: result.experiment.site.component,
            layer: site.layer,
            position: site.position,
            basis,
          },
          { signal },
        ),
      );
    },
    trainAgain: async (experiment) => {
      const turn = desk.begin({ page: 'Align', isAsked: true });
      const idle = { status: 'idle', part: 0, message: null, result: null } as const;
      if (turn === null) {
        const message = 'Another run has the engine, and one goes at a time. Wait for it, or cancel it.';
        return store.setState({ again: { ...idle, status: 'failed', message } });
      }
      stopAgain = turn.cancel;
      const growth = alignKind.growth();
      store.setState({ again: { ...idle, status: 'running' } });
      try {
        await engine.run(experiment, {
          signal: turn.signal,
          onUpdate: (update) => growth.take(update),
          onProgress: ({ done, total }) =>
            store.setState({
              again: {
                ...store.getState().again,
                part: total ? done / total : 0,
                result: growth.result ?? null,
              },
            }),
        });
        const { result } = growth;
        store.setState({
          again: { ...idle, message: result === undefined ? null : outcomeOf(result) },
          others: result === undefined ? store.getState().others : [...store.getState().others, result],
        });
      } catch (cause) {
        const message = turn.signal.aborted ? null : messageOf(cause);
        store.setState({ again: { ...idle, status: message === null ? 'idle' : 'failed', message } });
      } finally {
        turn.end();
      }
    },
    cancelAgain: () => stopAgain(),
  };
}
