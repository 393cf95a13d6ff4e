// The sweeps of the rack: which one is shown beside it, and a sweep of a cable as it fills. Sweeps of pairs are experiments
// with pages of their own, and are run and kept there. One run at a time over all pages.

import { createStore, type StoreApi } from 'zustand/vanilla';
import type { AnyExperiment } from '../../experiments/kind.ts';
import { messageOf } from '../../messages/wording.ts';
import type { Engine } from '../../worker/protocol.ts';
import type { AnyPage } from '../experiment/experimentPage.ts';
import type { RunDesk, Turn } from '../experiment/runDesk.ts';
import { type CableSweep, cellOrder, type SweptCable } from './cableSweep.ts';
import { metricValue } from './effectStore.ts';
import { shareOf } from './shares.ts';

export interface SweepState {
  readonly status: 'idle' | 'running' | 'stopped' | 'failed';
  /** 0 to 1 while it runs. */
  readonly part: number;
  readonly message: string | null;
  readonly cable: SweptCable | null;
  /** The page whose figure is shown; null while a cable's is, or none. */
  readonly page: AnyPage | null;
}

export interface SweepStore extends Pick<StoreApi<SweepState>, 'getState' | 'getInitialState' | 'subscribe'> {
  /** Run an experiment on its own page, and show its figure. */
  runOn(page: AnyPage, experiment: AnyExperiment): Promise<void>;
  /** @param isRest go on from the cells that an earlier run of the same sweep has left */
  run(sweep: CableSweep, isRest?: boolean): Promise<void>;
  cancel(): void;
}

const isBusySentence = 'Another page runs an experiment; cancel it there first.';

export function createSweepStore(engine: Engine, desk: RunDesk): SweepStore {
  const store = createStore<SweepState>(() => ({
    status: 'idle',
    part: 0,
    message: null,
    cable: null,
    page: null,
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
    runOn: async (page, experiment) => {
      store.setState({ page, cable: null, message: null });
      page.openExperiment(experiment);
      await page.start();
    },
    run: (sweep, isRest = false) =>
      inTurn(async (signal) => {
        const { rows, columns } = sweep;
        const before = isRest ? store.getState().cable : null;
        const cells = cellOrder(rows, columns);
        const values = before
          ? [...before.values]
          : new Array<number | undefined>(cells.length).fill(undefined);
        let baselines = before?.baselines ?? { base: 0, source: 0 };
        store.setState({ page: null });
        for (const [index, cell] of cells.entries()) {
          signal.throwIfAborted();
          const place = cell.row * columns + cell.column;
          if (values[place] !== undefined) continue;
          const experiment = sweep.experimentAt(cell);
          if (experiment === null) values[place] = Number.NaN;
          else {
            const { measured } = await engine.intervene(experiment, { signal, isWhole: false });
            const [source = measured.base] = measured.sources;
            baselines = { base: metricValue(measured.base), source: metricValue(source) };
            values[place] = shareOf(metricValue(measured.intervened) - baselines.base, baselines);
          }
          store.setState({
            part: (index + 1) / cells.length,
            cable: { sweep, baselines, values: [...values] },
          });
        }
      }),
    cancel: () => latest?.cancel(),
  };
}
