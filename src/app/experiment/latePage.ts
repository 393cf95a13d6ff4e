// A page that is fetched when something is opened on it or when it is first looked at, so that the first visit stays light.
// Until then it has its place in the header, an empty state, and nothing to show.

import { createStore } from 'zustand/vanilla';
import type { AnyExperiment, AnyResult, KindWords, TypedKind } from '../../experiments/kind.ts';
import type { PageTypes } from './definition.ts';
import type { ExperimentPage } from './experimentPage.ts';
import { createFigureStore, type FigureStore } from './figureStore.ts';
import { begun } from './history.ts';
import type { PageState } from './session.ts';

/** What is known of a page before it is fetched. */
export interface LateFace {
  /** Of its kind. */
  readonly name: string;
  readonly title: string;
  readonly noun: string;
  /** The title of the page under whose tab it stands; default a tab of its own. */
  readonly tab?: string;
  /** What it is called among the pages of one tab; default its title. */
  readonly tabTitle?: string;
  readonly words: KindWords;
}

const emptyState: PageState<PageTypes> = {
  world: { model: null, readings: [] },
  history: begun<unknown>(null),
  draft: { experiment: null, problems: new Map() },
  key: null,
  shown: null,
  recent: [],
  run: { status: 'idle' },
  opened: null,
  asOpened: null,
  hasReplaced: false,
  estimate: { status: 'none' },
};

/**
 * @param load makes the page over the figure's store that it is given
 * @returns a page whose `load` must have ended before anything is asked of it but its name, its face and its state
 */
export function createLatePage(
  face: LateFace,
  load: (figure: FigureStore) => Promise<ExperimentPage<PageTypes>>,
): ExperimentPage<PageTypes> {
  const store = createStore<PageState<PageTypes>>(() => emptyState);
  const figure = createFigureStore();
  let page: ExperimentPage<PageTypes> | null = null;
  let loading: Promise<void> | null = null;

  function loaded(): ExperimentPage<PageTypes> {
    if (page === null) throw new Error(`The ${face.title} page was used before it was fetched.`);
    return page;
  }

  async function fetched(): Promise<void> {
    try {
      const made = await load(figure);
      page = made;
      store.setState(made.store.getState(), true);
      made.store.subscribe((state) => store.setState(state, true));
    } catch (cause) {
      // Without the network the next look at the page tries again.
      loading = null;
      throw cause;
    }
  }

  /** Before there is a result or an experiment nobody asks the kind more than its words. */
  const kind: TypedKind<AnyExperiment, AnyResult> = {
    name: face.name,
    resultName: `${face.name}-result`,
    words: face.words,
    get halfProblem() {
      return loaded().definition.kind.halfProblem;
    },
    read: (value) => loaded().definition.kind.read(value),
    readResult: (value) => loaded().definition.kind.readResult(value),
    own: (result) => loaded().definition.kind.own(result),
    hasText: (experiment) => loaded().definition.kind.hasText(experiment),
    withFiles: (...asked) => loaded().definition.kind.withFiles(...asked),
    metricProblem: (...asked) => loaded().definition.kind.metricProblem(...asked),
    growth: () => loaded().definition.kind.growth(),
    withTexts: (...asked) => loaded().definition.kind.withTexts(...asked),
    count: (result) => loaded().definition.kind.count(result),
    isComplete: (result) => loaded().definition.kind.isComplete(result),
    show: (...asked) => loaded().definition.kind.show(...asked),
    resolve: (...asked) => loaded().definition.kind.resolve(...asked),
  };
  const early: ExperimentPage<PageTypes>['face'] = {
    kind,
    title: face.title,
    noun: face.noun,
    ...(face.tab === undefined ? {} : { tab: face.tab }),
    ...(face.tabTitle === undefined ? {} : { tabTitle: face.tabTitle }),
    examples: [],
    fileStem: (result) => loaded().definition.fileStem(result),
    figure: (...asked) => loaded().definition.figure(...asked),
    brief: (experiment) => loaded().definition.brief(experiment),
  };

  return {
    name: face.name,
    get face() {
      return page?.face ?? early;
    },
    get definition() {
      return loaded().definition;
    },
    store,
    figure,
    load: () => {
      loading ??= fetched();
      return loading;
    },
    isBlank: () => page === null || page.isBlank(),
    prompts: () => page?.prompts() ?? [],
    setPrompt: (...asked) => loaded().setPrompt(...asked),
    undo: () => loaded().undo(),
    redo: () => loaded().redo(),
    start: () => loaded().start(),
    resume: () => loaded().resume(),
    cancel: () => page?.cancel(),
    openExperiment: (...asked) => loaded().openExperiment(...asked),
    openResult: (value) => loaded().openResult(value),
    openExample: (name) => loaded().openExample(name),
    openTable: (pairsIn) => loaded().openTable(pairsIn),
    shared: () => page?.shared() ?? null,
    sharedOf: (result) => loaded().sharedOf(result),
    unfinished: () => loaded().unfinished(),
    forgetUnfinished: () => loaded().forgetUnfinished(),
    dismiss: () => page?.dismiss(),
    edit: (...asked) => loaded().edit(...asked),
  };
}
