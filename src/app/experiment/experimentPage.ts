// A page of an experiment at work: its state, which `session.ts` moves, and the few things that reach outside: reading the
// prompts, asking what a run would cost, fetching and opening results. Its runs are in `pageRuns.ts`.

import { createStore, type StoreApi } from 'zustand/vanilla';
import { ExperimentError } from '../../experiments/experimentFile.ts';
import type { AnyExperiment, AnyResult } from '../../experiments/kind.ts';
import { messageOf } from '../../messages/wording.ts';
import type { Engine } from '../../worker/protocol.ts';
import type { ModelStore } from '../model/modelStore.ts';
import type { PromptStore } from '../prompt/promptStore.ts';
import type { Example, PageDefinition, PageTypes, TableReader } from './definition.ts';
import { createFigureStore, type FigureStore } from './figureStore.ts';
import type { FigureView } from './figureView.ts';
import type { ResultKeeper } from './keptResults.ts';
import { experimentKey } from './key.ts';
import { createPageRuns } from './pageRuns.ts';
import { createPrompts } from './prompts.ts';
import type { RunDesk } from './runDesk.ts';
import {
  type Command,
  documentIn,
  edited,
  initialState,
  isShownCurrent,
  type Opened,
  type PageState,
  type Shown,
  settled,
  stepped,
  surroundingsOf,
  withFetched,
  withOpened,
} from './session.ts';
import { unfinishedKey } from './unfinished.ts';

/** A store that only its owner changes. */
export type Watched<State> = Pick<StoreApi<State>, 'getState' | 'getInitialState' | 'subscribe'>;

/** What a page stands in. */
export interface PageServices {
  readonly engine: Engine;
  readonly model: ModelStore;
  readonly desk: RunDesk;
  readonly keeper: ResultKeeper;
}

/** What of a page's state every part of the frame can read, whatever its kind. */
export type AnyPageState = Pick<
  PageState<PageTypes>,
  'world' | 'draft' | 'key' | 'shown' | 'run' | 'opened' | 'hasReplaced' | 'estimate'
> & { readonly history: { readonly past: readonly unknown[]; readonly future: readonly unknown[] } };

/** What the frame, the address and the shared rooms do with a page, whatever its kind. */
export interface AnyPage {
  /** Of its kind, and `#name` in the address. */
  readonly name: string;
  readonly face: Pick<
    PageDefinition<PageTypes>,
    | 'kind'
    | 'title'
    | 'noun'
    | 'tab'
    | 'tabTitle'
    | 'look'
    | 'fileStem'
    | 'metrics'
    | 'sheets'
    | 'figure'
    | 'brief'
    | 'kept'
  > & { readonly examples: readonly Example<AnyExperiment, AnyResult>[] };
  readonly store: Watched<AnyPageState>;
  readonly figure: FigureStore;
  /** Fetches the page; absent on one that is there from the start. Nothing may be opened on it before. */
  readonly load?: () => Promise<void>;
  /** Whether nothing has been opened or typed on it yet. */
  isBlank(): boolean;
  /** Readers of its prompts, in the order of the definition. */
  prompts(): readonly PromptStore[];
  setPrompt(index: number, text: string): void;
  undo(): void;
  redo(): void;
  start(): Promise<void>;
  resume(): Promise<void>;
  cancel(): void;
  /**
   * Put an experiment into the controls.
   * @param value what JSON.parse gave
   * @param view how its figure is looked at; default as the page looks now, without pins
   * @throws ExperimentError for another kind, a newer version, the first thing that is wrong, or what the page cannot show
   */
  openExperiment(value: unknown, view?: FigureView): void;
  /** Put a result into the figure, and its experiment into the controls. @throws ExperimentError likewise */
  openResult(value: unknown): void;
  openExample(name: string): void;
  /** Put a table of prompts into the document: a step of undo. @throws ExperimentError for a page without, or what is wrong */
  openTable(pairsIn: TableReader): void;
  /** The experiment as a link holds it; null while there is none, or before its tokens are known for sure. */
  shared(): AnyExperiment | null;
  /** The experiment of a result as a link holds it. */
  sharedOf(result: AnyResult): AnyExperiment;
  /** A run that was not finished when the page was left; null when there is none, or it is in view. */
  unfinished(): Promise<AnyResult | null>;
  /** It is not wanted any more. */
  forgetUnfinished(): void;
  /** Take the word away that an opened document has taken the place of another. */
  dismiss(): void;
}

/** A page as the components of its own kind see it. */
export interface ExperimentPage<T extends PageTypes> extends AnyPage {
  readonly definition: PageDefinition<T>;
  readonly store: Watched<PageState<T>>;
  /**
   * Change the document: one step of undo.
   * @param field what is being typed into, so that typing is one step
   */
  edit(change: (document: T['document']) => T['document'], field?: string): void;
}

const estimatePauseMs = 100;

export function createExperimentPage<T extends PageTypes>(
  definition: PageDefinition<T>,
  { engine, model, desk, keeper }: PageServices,
  figure: FigureStore = createFigureStore(definition.look),
): ExperimentPage<T> {
  const { kind, title } = definition;
  const store = createStore<PageState<T>>(() => initialState(definition));
  const prompts = createPrompts(
    engine,
    () => model.getState().info,
    () => moved(store.getState()),
  );
  prompts.follow(definition.prompts(definition.blank));
  const runs = createPageRuns<T>({ definition, engine, desk, keeper, page: store, moved, sharedOf });
  let estimateTimer: ReturnType<typeof setTimeout> | undefined;

  /** Every change of the page goes through here: what follows from it is worked out, shown, and done. */
  function moved(next: PageState<T>): void {
    const before = store.getState();
    prompts.follow(definition.prompts(documentIn(next)));
    const world = { model: model.getState().info, readings: prompts.readings() };
    const [state, command] = settled(definition, { ...next, world }, before);
    store.setState(state, true);
    if (state.key !== before.key || state.world.model !== before.world.model) estimateSoon();
    if (command !== null) perform(command);
  }

  function perform(command: Command): void {
    if (command.do === 'stop') runs.cancel();
    else void runs.begin(null, { isQuiet: command.isQuiet, isAsked: false });
  }

  function estimateSoon(): void {
    clearTimeout(estimateTimer);
    estimateTimer = setTimeout(() => void estimate(), estimatePauseMs);
  }

  async function estimate(): Promise<void> {
    const { draft, key, world } = store.getState();
    if (draft.experiment === null || key === null || world.model === null) return;
    const isWanted = () => store.getState().key === key && store.getState().world.model === world.model;
    try {
      const value = await engine.estimate(draft.experiment);
      if (isWanted()) store.setState({ estimate: { status: 'known', key, value } });
    } catch (cause) {
      if (isWanted()) store.setState({ estimate: { status: 'refused', key, message: messageOf(cause) } });
    }
  }

  /** Put an experiment into the controls, and its result, once that has come, into the figure. */
  function open(
    experiment: T['experiment'],
    runs: Opened<T['experiment']>['runs'],
    fetch: () => Promise<Shown<T['result']> | null>,
  ): void {
    moved(withOpened(definition, store.getState(), { experiment, runs, isFetching: true }, null));
    const arrive = (found: Shown<T['result']> | null) =>
      moved(withFetched(definition, store.getState(), experiment, found));
    // A result that cannot be fetched is computed like one that is missing.
    fetch().then(arrive, () => arrive(null));
  }

  const shownAs = (result: T['result'], origin: Shown<T['result']>['origin']): Shown<T['result']> => ({
    result,
    key: experimentKey(definition.experimentOf(result)),
    origin,
    elapsedMs: null,
    difference: null,
  });

  async function keptResult(experiment: T['experiment']): Promise<Shown<T['result']> | null> {
    const found = await keeper.find(experimentKey(experiment));
    return found === null ? null : shownAs(kind.readResult(found), 'kept');
  }

  function sharedOf(result: T['result']): T['experiment'] {
    const { model: own, prompts: read } = definition.standIn(result);
    const tokens = read.map((prompt) => prompt.tokens);
    return definition.shared(definition.experimentOf(result), { model: own, tokens });
  }

  const own = (result: AnyResult): T['result'] => {
    const found = kind.own(result);
    if (found === undefined) throw new ExperimentError(`This is not a result of ${kind.words.indefinite}.`);
    return found;
  };

  // The two things that a page follows outside itself: which model is in use decides what its tokens are, and what waits to
  // run by itself begins when another page's run is over.
  model.subscribe(({ info }, before) => {
    if (info === before.info) return;
    prompts.refresh();
    moved(store.getState());
  });
  desk.subscribe(({ run }) => {
    if (run === null) moved(store.getState());
  });

  return {
    name: kind.name,
    definition,
    face: definition,
    store,
    figure,
    isBlank: () => documentIn(store.getState()) === definition.blank,
    prompts: prompts.stores,
    edit: (change, field) => {
      const state = store.getState();
      const at = performance.now();
      moved(edited(state, change(documentIn(state)), field === undefined ? null : { field, at }));
    },
    setPrompt: (index, text) => {
      const state = store.getState();
      const document = definition.withPrompt(documentIn(state), index, text);
      moved(edited(state, document, { field: `prompt ${index}`, at: performance.now() }));
    },
    undo: () => moved(stepped(store.getState(), 'undo')),
    redo: () => moved(stepped(store.getState(), 'redo')),
    start: () => runs.begin(null, { isQuiet: false, isAsked: true }),
    resume: async () => {
      const state = store.getState();
      const { shown } = state;
      if (shown === null || !isShownCurrent(shown, state) || kind.isComplete(shown.result)) return;
      await runs.begin(shown.result, { isQuiet: false, isAsked: true });
    },
    cancel: () => runs.cancel(),
    openExperiment: (value, view) => {
      const experiment = kind.read(value);
      figure.getState().reset(view);
      open(experiment, definition.isCostly ? 'not' : 'openly', () => keptResult(experiment));
    },
    openResult: (value) => {
      const shown = shownAs(kind.readResult(value), 'file');
      const { experiment } = shown.result;
      figure.getState().reset();
      const opened = { experiment, runs: 'not', isFetching: false } as const;
      moved(withOpened(definition, store.getState(), opened, shown));
    },
    openExample: (name) => {
      const example = definition.examples.find((each) => each.name === name);
      if (example === undefined) return;
      figure.getState().reset();
      open(example.experiment, definition.isCostly ? 'not' : 'quietly', async () => {
        const result = await example.result();
        return result && shownAs(result, 'stored');
      });
    },
    openTable: (pairsIn) => {
      if (definition.withTable === undefined)
        throw new ExperimentError(
          `The page ${title} takes no table of pairs. Drop it while Patch, Sweep, Paths or Attribution is in view.`,
        );
      const state = store.getState();
      moved(edited(state, definition.withTable(documentIn(state), pairsIn), null));
    },
    shared: () => {
      const state = store.getState();
      const { experiment } = state.draft;
      // Before the model is there its tokens, and so the places of a text, are not known for sure.
      if (experiment === null || state.world.model === null) return null;
      return definition.shared(experiment, surroundingsOf(definition, state));
    },
    sharedOf: (result) => sharedOf(own(result)),
    unfinished: async () => {
      const found = await keeper.find(unfinishedKey(kind.name));
      if (found === null) return null;
      try {
        const result = kind.readResult(found);
        const { shown } = store.getState();
        return shown?.key === shownAs(result, 'kept').key ? null : result;
      } catch (cause) {
        // Of another version: it cannot be gone on with.
        if (cause instanceof ExperimentError) return null;
        throw cause;
      }
    },
    forgetUnfinished: () => void keeper.forget(unfinishedKey(kind.name)),
    dismiss: () => store.setState({ hasReplaced: false }),
  };
}
