// The sweep of the page: what was asked, how far it is, and its result as it grows. One run at a time over all pages.

import { createStore, type StoreApi } from 'zustand/vanilla';
import type { PatchExperiment } from '../../experiments/patch/experiment.ts';
import type { PathExperiment } from '../../experiments/patch/pathExperiment.ts';
import { type PatchResult, readPatchResult } from '../../experiments/patch/result.ts';
import { kindOf } from '../../experiments/registry.ts';
import { messageOf } from '../../messages/wording.ts';
import type { Engine } from '../../worker/protocol.ts';
import type { RunDesk, Turn } from '../experiment/runDesk.ts';
import { type CableSweep, cellExperiment, cellOrder } from './cableSweep.ts';
import type { Cable, PatchDocument } from './document.ts';
import type { PatchDraft, Readings } from './draft.ts';
import { metricValue } from './effectStore.ts';
import { shareOf } from './shares.ts';

export interface SweepState {
  readonly status: 'idle' | 'running' | 'stopped' | 'failed';
  /** 0 to 1 while it runs. */
  readonly part: number;
  readonly message: string | null;
  readonly result: PatchResult | null;
  readonly cable: CableSweep | null;
}

export interface SweepStore extends Pick<StoreApi<SweepState>, 'getState' | 'getInitialState' | 'subscribe'> {
  run(experiment: PatchExperiment | PathExperiment): Promise<void>;
  /** Sweep a cable over layers and positions. */
  runCable(
    document: PatchDocument,
    readings: Readings,
    draft: PatchDraft,
    cable: Cable,
    title: string,
  ): Promise<void>;
  /** Show a result that was computed before. */
  show(result: PatchResult): void;
  cancel(): void;
}

const isBusySentence = 'Another page runs an experiment; cancel it there first.';

export function createSweepStore(engine: Engine, desk: RunDesk): SweepStore {
  const store = createStore<SweepState>(() => ({
    status: 'idle',
    part: 0,
    message: null,
    result: null,
    cable: null,
  }));
  /** Its end is shown also when another run of the page has taken the engine. */
  let latest: Turn | null = null;

  async function inTurn(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const turn = desk.begin({ page: 'Patch', isAsked: true });
    if (turn === null) return store.setState({ status: 'failed', message: isBusySentence });
    latest = turn;
    store.setState({ status: 'running', part: 0, message: null });
    try {
      await work(turn.signal);
      if (latest === turn) store.setState({ status: 'idle' });
    } catch (cause) {
      if (latest !== turn) return;
      if (turn.signal.aborted) store.setState({ status: 'stopped' });
      else store.setState({ status: 'failed', message: messageOf(cause) });
    } finally {
      turn.end();
    }
  }

  return {
    ...store,
    run: (experiment) =>
      inTurn(async (signal) => {
        const { result: earlier } = store.getState();
        const growth = (await kindOf(experiment.kind)).growth();
        const isAgain = earlier && JSON.stringify(earlier.experiment) === JSON.stringify(experiment);
        await engine.run(experiment, {
          signal,
          ...(isAgain ? { earlier } : {}),
          onUpdate: (update) => {
            growth.take(update);
            if (growth.result) store.setState({ result: readPatchResult(growth.result), cable: null });
          },
          onProgress: ({ done, total }) => store.setState({ part: total ? done / total : 0 }),
        });
      }),
    runCable: (document, readings, draft, cable, title) =>
      inTurn(async (signal) => {
        const { outline, tokens } = draft;
        const [base] = readings;
        if (!outline || !tokens || !base?.tokens) return;
        const columns = cable.to.positions === 'all' ? 1 : base.tokens.length;
        const cells = cellOrder(outline.layerCount, columns);
        const values = new Array<number | undefined>(cells.length).fill(undefined);
        let baselines = { base: 0, source: 0 };
        for (const [index, cell] of cells.entries()) {
          signal.throwIfAborted();
          const experiment = cellExperiment(document, readings, draft, cable, cell);
          if (experiment) {
            const { measured } = await engine.intervene(experiment, { signal, isWhole: false });
            const [source = measured.base] = measured.sources;
            baselines = { base: metricValue(measured.base), source: metricValue(source) };
            values[cell.layer * columns + cell.column] = shareOf(
              metricValue(measured.intervened) - baselines.base,
              baselines,
            );
          }
          store.setState({
            part: (index + 1) / cells.length,
            result: null,
            cable: {
              cable,
              title,
              layerCount: outline.layerCount,
              tokens: base.tokens,
              columns,
              baselines,
              values: [...values],
            },
          });
        }
      }),
    show: (result) => store.setState({ result, cable: null, status: 'idle', message: null }),
    cancel: () => latest?.cancel(),
  };
}
