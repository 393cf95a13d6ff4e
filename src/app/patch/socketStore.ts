// What every socket of the base would do: estimates of a whole component at once, and measurements one by one or in a
// sweep. All belong to one pair of prompts and what is watched of them; another pair begins with none.

import { createStore, type StoreApi } from 'zustand/vanilla';
import { readInterveneExperiment } from '../../experiments/intervene/experiment.ts';
import { metricOf, statisticOf } from '../../experiments/metrics.ts';
import type { PatchExperiment } from '../../experiments/patch/experiment.ts';
import { isPatchComplete, type PatchResult, readPatchResult } from '../../experiments/patch/result.ts';
import { kindOf } from '../../experiments/registry.ts';
import type { SocketAddress } from '../../figures/rack/rackDescription.ts';
import { messageOf } from '../../messages/wording.ts';
import type { Engine, Progress, SocketEstimates } from '../../worker/protocol.ts';
import type { RunDesk, Turn } from '../experiment/runDesk.ts';
import { givenAt } from './beside.ts';
import { type PatchDocument, shownSource } from './document.ts';
import type { PatchDraft } from './draft.ts';
import { lengthIn } from './draft.ts';
import { metricValue } from './effectStore.ts';
import { hasSource, type PromptTokens } from './reading.ts';
import { columnMatching, placeOf, type Shelf, socketKey } from './sockets.ts';
import { patchExperimentOf, type SweepProblem, whyNoPair } from './sweeps.ts';
import { promptKey } from './wholeReadings.ts';
import { wiringOf } from './wiring.ts';

export interface Baselines {
  readonly base: number;
  readonly source: number;
}

/** A metric with those of the runs that it lies between: of a table means over its pairs, of one socket the first pair's. */
export interface Measurement {
  readonly value: number;
  readonly baselines: Baselines;
  /** Of a table: over how many pairs, and their standard deviation. */
  readonly over?: { readonly pairs: number; readonly sd: number };
}

export interface SocketState {
  /** Of the pair and what is watched; null while they are not known. */
  readonly pairKey: string | null;
  readonly estimates: ReadonlyMap<string, SocketEstimates>;
  /** The metric under the same-place cable, by `socketKey`. */
  readonly measured: ReadonlyMap<string, Measurement>;
  /** The metric of both runs of the pair that is shown. */
  readonly baselines: Baselines | null;
  /** Means over the table of pairs, once it has been measured. */
  readonly tableBaselines: (Baselines & { readonly pairs: number }) | null;
  readonly isEstimating: boolean;
  readonly sweep:
    | { readonly status: 'idle' }
    | { readonly status: 'running'; readonly progress: Progress | null }
    | { readonly status: 'stopped' }
    | { readonly status: 'failed'; readonly message: string };
  /** The sweep as a result of its own, for the heatmap; of the pair and the component that it names. */
  readonly result: PatchResult | null;
  readonly message: string | null;
}

const nothing: SocketState = {
  pairKey: null,
  estimates: new Map(),
  measured: new Map(),
  baselines: null,
  tableBaselines: null,
  isEstimating: false,
  sweep: { status: 'idle' },
  result: null,
  message: null,
};

export interface SocketStore
  extends Pick<StoreApi<SocketState>, 'getState' | 'getInitialState' | 'subscribe'> {
  follow(document: PatchDocument, draft: PatchDraft, shelf: Shelf | null): void;
  measure(document: PatchDocument, draft: PatchDraft, shelf: Shelf, address: SocketAddress): void;
  /** Why there is no sweep of what the rack shows; null when there is. */
  whyNoSweep(document: PatchDocument, draft: PatchDraft, shelf: Shelf): SweepProblem | null;
  /** Whether a sweep of what the rack shows was cancelled or failed half way, so that there is a rest to measure. */
  hasRest(document: PatchDocument, draft: PatchDraft, shelf: Shelf): boolean;
  measureAll(document: PatchDocument, draft: PatchDraft, shelf: Shelf): Promise<void>;
  cancel(): void;
}

/** Names the numbers that belong together. */
export function pairKeyOf(document: PatchDocument, draft: PatchDraft): string | null {
  const { model, tokens, answer, distractor, matching } = draft;
  const shown = shownSource(document);
  if (!model || !tokens || !answer || whyNoPair(document, draft) !== null) return null;
  // A picture that a model reads alone has no tokens.
  if ((!model.reads && tokens.base.length === 0) || !hasSource(tokens, shown)) return null;
  return JSON.stringify([
    promptKey(document, 0, model),
    promptKey(document, shown + 1, model),
    matching,
    answer.id,
    distractor?.id ?? null,
    document.pairs,
  ]);
}

/** As if one of the sources were the only one. */
const withSource = ({ base, sources, lengths }: PromptTokens, shown: number): PromptTokens => ({
  base,
  sources: [sources[shown] ?? []],
  ...(lengths ? { lengths: [lengths[0] ?? {}, lengths[shown + 1] ?? {}] } : {}),
});

export const canEstimate = ({ component }: Shelf): boolean =>
  component.layout !== 'pair' && component.scope === 'layer';

export function createSocketStore(engine: Engine, desk: RunDesk): SocketStore {
  const store = createStore<SocketState>(() => nothing);
  let estimating: AbortController | null = null;
  let sweeping: Turn | null = null;
  /** Sockets that are being measured, or could not be. */
  const asked = new Set<string>();
  /** The estimate that is on its way. */
  let wanted = '';

  async function estimate(document: PatchDocument, draft: PatchDraft, component: string): Promise<void> {
    const { pairKey } = store.getState();
    const { answer, distractor, model } = draft;
    if (!answer || !model) return;
    const reads = model.reads ?? null;
    estimating?.abort();
    const controller = new AbortController();
    estimating = controller;
    store.setState({ isEstimating: true });
    const isWanted = () => estimating === controller && store.getState().pairKey === pairKey;
    try {
      const found = await engine.estimateSockets(
        {
          base: givenAt(document, 0, reads),
          source: givenAt(document, shownSource(document) + 1, reads),
          places: draft.matchingOf(component),
          component,
          answer: answer.id,
          distractor: distractor?.id ?? null,
        },
        { signal: controller.signal },
      );
      if (!isWanted()) return;
      const estimates = new Map(store.getState().estimates).set(component, found);
      store.setState({ estimates, baselines: found.baselines, isEstimating: false, message: null });
    } catch (cause) {
      if (isWanted() && !controller.signal.aborted)
        store.setState({ isEstimating: false, message: messageOf(cause) });
    }
  }

  async function measure(
    document: PatchDocument,
    draft: PatchDraft,
    shelf: Shelf,
    { layer, column }: SocketAddress,
  ): Promise<void> {
    const { pairKey, measured } = store.getState();
    const { model, outline, tokens, answer, distractor } = draft;
    const key = socketKey(shelf, layer, column);
    const isByHead = shelf.view.columns === 'head';
    const matching = columnMatching(shelf, draft.matchingOf(shelf.component.name));
    const from = isByHead ? column : (matching[column] ?? null);
    const name = `${pairKey} ${key}`;
    if (!model || !outline || !tokens || !answer || pairKey === null || from === null) return;
    if (measured.has(key) || asked.has(name)) return;
    asked.add(name);
    const shown = shownSource(document);
    const reads = model.reads ?? null;
    const source = givenAt(document, shown + 1, reads);
    // The source that is shown stands alone here, and is the first.
    const cable = {
      id: 1,
      type: 'VanillaIntervention',
      from: placeOf(shelf, 'source_0', layer, [from]),
      to: placeOf(shelf, 'base', layer, [column]),
      settings: {},
    };
    try {
      const wiring = wiringOf(
        { cables: [cable], sources: [''], mode: 'parallel' },
        lengthIn(withSource(tokens, shown), outline),
      );
      const experiment = readInterveneExperiment({
        kind: 'intervene',
        version: 1,
        model: model.label,
        base: givenAt(document, 0, reads),
        sources: [source],
        answer: answer.id,
        distractor: distractor?.id ?? null,
        ...wiring,
      });
      const result = await engine.intervene(experiment, { isWhole: false });
      if (store.getState().pairKey !== pairKey) return;
      const [measuredSource] = result.measured.sources;
      if (!measuredSource) return;
      const value = metricValue(result.measured.intervened);
      const baselines = { base: metricValue(result.measured.base), source: metricValue(measuredSource) };
      store.setState({
        measured: new Map(store.getState().measured).set(key, { value, baselines }),
        baselines,
      });
    } catch (cause) {
      if (store.getState().pairKey === pairKey) store.setState({ message: messageOf(cause) });
    } finally {
      asked.delete(name);
    }
  }

  /** What an earlier run of the same sweep has measured. */
  function earlierOf(experiment: PatchExperiment): PatchResult | null {
    const { result } = store.getState();
    return result && JSON.stringify(result.experiment) === JSON.stringify(experiment) ? result : null;
  }

  /** Cells of a sweep as sockets. */
  function take(result: PatchResult, shelf: Shelf): void {
    const [panel] = result.panels;
    if (!panel || !result.corrupted) return;
    const metric = result.pairs.every(({ distractor }) => distractor !== undefined)
      ? 'logitDifference'
      : 'answerLogit';
    const statistic = (samples: PatchResult['clean']) => statisticOf(metricOf(samples, metric));
    const pairs = result.pairs.length;
    const columns = panel.cells.length / (panel.layerCount ?? result.layerCount);
    const measured = new Map(store.getState().measured);
    const baselines = {
      base: statistic(result.corrupted).mean,
      source: statistic(result.clean).mean,
    };
    panel.cells.forEach((samples, index) => {
      if (!samples) return;
      const { mean, sd } = statistic(samples);
      measured.set(socketKey(shelf, Math.floor(index / columns), index % columns), {
        value: mean,
        baselines,
        ...(sd === null ? {} : { over: { pairs, sd } }),
      });
    });
    store.setState({
      measured,
      result,
      // Of a table these are means; the legend says both.
      ...(pairs === 1 ? { baselines } : { tableBaselines: { ...baselines, pairs } }),
    });
  }

  return {
    ...store,
    follow: (document, draft, shelf) => {
      const pairKey = pairKeyOf(document, draft);
      if (pairKey !== store.getState().pairKey) {
        estimating?.abort();
        sweeping?.cancel();
        asked.clear();
        store.setState({ ...nothing, pairKey });
      }
      if (!shelf || pairKey === null || !canEstimate(shelf)) return;
      const { estimates, isEstimating } = store.getState();
      const { name } = shelf.component;
      if (estimates.has(name) || (isEstimating && wanted === `${pairKey} ${name}`)) return;
      wanted = `${pairKey} ${name}`;
      void estimate(document, draft, name);
    },
    measure: (document, draft, shelf, address) => void measure(document, draft, shelf, address),
    whyNoSweep: (document, draft, shelf) => {
      const sweep = patchExperimentOf(document, draft, shelf);
      return sweep.ok ? null : sweep;
    },
    hasRest: (document, draft, shelf) => {
      const sweep = patchExperimentOf(document, draft, shelf);
      const earlier = sweep.ok ? earlierOf(sweep.experiment) : null;
      return earlier !== null && !isPatchComplete(earlier);
    },
    measureAll: async (document, draft, shelf) => {
      const sweep = patchExperimentOf(document, draft, shelf);
      if (!sweep.ok) return;
      const turn = desk.begin({ page: 'Patch', isAsked: true });
      if (turn === null)
        return store.setState({
          sweep: { status: 'failed', message: 'Another page runs an experiment; cancel it there first.' },
        });
      sweeping = turn;
      const { pairKey } = store.getState();
      // What a cancelled run has measured is not measured again.
      const earlier = earlierOf(sweep.experiment);
      const isWanted = () => sweeping === turn && store.getState().pairKey === pairKey;
      store.setState({ sweep: { status: 'running', progress: null } });
      try {
        const kind = await kindOf('patch');
        const growth = kind.growth();
        await engine.run(sweep.experiment, {
          signal: turn.signal,
          ...(earlier ? { earlier } : {}),
          onUpdate: (update) => {
            growth.take(update);
            if (growth.result && isWanted()) take(readPatchResult(growth.result), shelf);
          },
          onProgress: (progress) => {
            if (isWanted()) store.setState({ sweep: { status: 'running', progress } });
          },
        });
        if (isWanted()) store.setState({ sweep: { status: 'idle' } });
      } catch (cause) {
        if (!isWanted()) return;
        store.setState({
          sweep: turn.signal.aborted
            ? { status: 'stopped' }
            : { status: 'failed', message: messageOf(cause) },
        });
      } finally {
        turn.end();
      }
    },
    cancel: () => sweeping?.cancel(),
  };
}
