// The runs of a page: each takes its turn at the desk, and what it brings comes into the page as it comes, throttled, and is kept
// where it is not finished.

import { messageOf } from '../../messages/wording.ts';
import type { Engine, Progress } from '../../worker/protocol.ts';
import type { PageDefinition, PageTypes } from './definition.ts';
import type { ResultKeeper } from './keptResults.ts';
import { experimentKey } from './key.ts';
import type { RunDesk, Turn } from './runDesk.ts';
import { type PageState, type Run, type Shown, withNews, withRun } from './session.ts';
import { throttled } from './throttled.ts';
import { unfinishedKeeper } from './unfinished.ts';

export interface PageRunsOf<T extends PageTypes> {
  readonly definition: PageDefinition<T>;
  readonly engine: Engine;
  readonly desk: RunDesk;
  readonly keeper: ResultKeeper;
  readonly page: { readonly getState: () => PageState<T> };
  /** Takes every change of the page. */
  readonly moved: (next: PageState<T>) => void;
  /** The experiment of a result as a link holds it. */
  readonly sharedOf: (result: T['result']) => T['experiment'];
}

export interface PageRuns<T extends PageTypes> {
  /**
   * Run the page's experiment; nothing where it has none, or no model, or another page's run is in the way.
   * @param earlier a result to go on from
   * @param how isQuiet: what is shown stays until the end; isAsked: a person asked for it
   */
  begin(
    earlier: T['result'] | null,
    how: { readonly isQuiet: boolean; readonly isAsked: boolean },
  ): Promise<void>;
  cancel(): void;
}

export function createPageRuns<T extends PageTypes>({
  definition,
  engine,
  desk,
  keeper,
  page: store,
  moved,
  sharedOf,
}: PageRunsOf<T>): PageRuns<T> {
  const { kind, title } = definition;
  let cancelRun: () => void = () => {};
  /** Of the page's latest run, whose state the page shows to its end, also when another page has taken the engine. */
  let latest: Turn | null = null;

  async function begin(
    earlier: T['result'] | null,
    { isQuiet, isAsked }: { readonly isQuiet: boolean; readonly isAsked: boolean },
  ): Promise<void> {
    const { draft, key, world, shown: stored } = store.getState();
    const { experiment } = draft;
    if (experiment === null || key === null || world.model === null) return;
    const turn = desk.begin({ page: title, isAsked });
    if (turn === null) return;
    cancelRun = turn.cancel;
    latest = turn;
    const startedAt = performance.now();
    const counted = earlier === null ? null : kind.count(earlier);
    const doneBefore = counted === null || counted.total === 0 ? 0 : counted.done / counted.total;
    const growth = kind.growth();
    let progress: Progress | null = null;
    let isGrown = false;
    let isOver = false;
    const keep = unfinishedKeeper(definition, keeper, earlier);
    const keepUnfinished = (isLast: boolean) => {
      if (!isQuiet && growth.result !== undefined) keep(growth.result, isLast);
    };
    const running = (): Run => ({
      status: 'running',
      key,
      isQuiet,
      isAsked,
      startedAt,
      progress,
      doneBefore,
    });
    const arrived = (others: Partial<Shown<T['result']>> = {}): Shown<T['result']> | null =>
      growth.result === undefined
        ? null
        : { result: growth.result, key, origin: 'run', elapsedMs: null, difference: null, ...others };
    /** One change of the page, not two: what the run has brought, and how it stands. */
    const tell = (news: Shown<T['result']> | null, run: Run | null) => {
      const state = store.getState();
      const grown = news === null ? state : withNews(state, news);
      moved(run !== null && latest === turn ? withRun(grown, run) : grown);
    };
    const showNews = throttled(() => {
      tell(isGrown && !isQuiet ? arrived() : null, running());
      if (isGrown) keepUnfinished(false);
      isGrown = false;
    });
    /** What the run had when it was stopped, which comes after its end. */
    const takeLast = () => {
      if (latest !== turn || isQuiet) return;
      tell(arrived(), null);
      keepUnfinished(true);
    };
    moved(withRun(store.getState(), running()));
    try {
      const { elapsedMs } = await engine.run(experiment, {
        signal: turn.signal,
        ...(earlier === null ? {} : { earlier }),
        onUpdate: (update) => {
          growth.take(update);
          isGrown = true;
          if (isOver) takeLast();
          else showNews.soon();
        },
        onProgress: (next) => {
          // Nothing has gone on since: the count stays.
          progress = next.note === undefined ? next : { ...(progress ?? next), note: next.note };
          showNews.soon();
        },
      });
      showNews.drop();
      const { result } = growth;
      const isAgain = isQuiet && result !== undefined && stored !== null && stored.key === key;
      const difference = isAgain ? definition.difference(stored.result, result) : null;
      tell(arrived({ elapsedMs: earlier === null ? elapsedMs : null, difference }), { status: 'idle' });
      // A stored figure that was computed again is there with the page anyway.
      keepUnfinished(true);
      if (result !== undefined && !isQuiet && kind.isComplete(result)) {
        void keeper.keep(experimentKey(sharedOf(result)), result);
      }
    } catch (cause) {
      showNews.now();
      keepUnfinished(true);
      if (!turn.signal.aborted) tell(null, { status: 'failed', key, message: messageOf(cause) });
      else tell(null, isQuiet ? { status: 'idle' } : { status: 'stopped', key });
    } finally {
      showNews.drop();
      isOver = true;
      turn.end();
    }
  }

  return { begin, cancel: () => cancelRun() };
}
