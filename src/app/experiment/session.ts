// The state of a page of an experiment, and everything that can happen to it, as pure functions: a document is opened,
// edited, undone; a model, tokens, a stored result arrive; a run begins, brings cells, ends. What follows from that, `settled`
// says, and nothing else does: which draft stands there, which result belongs to it, and whether something is to start or
// to stop.

import type { AnyResult, Estimate } from '../../experiments/kind.ts';
import type { ModelInfo, Prediction, Progress, TokenInfo } from '../../worker/protocol.ts';
import { isNamed } from '../model/wantedModel.ts';
import type { PageDefinition, PageTypes, Surroundings } from './definition.ts';
import { begun, type Change, changed, type History, redone, undone } from './history.ts';
import { experimentKey } from './key.ts';

/** What the engine has said of one of the document's prompts. */
export interface Reading {
  readonly text: string;
  /** Under the model in use; null until they are known. */
  readonly tokens: readonly TokenInfo[] | null;
  readonly prediction: Prediction | null;
  /** Tokens or prediction are on their way. */
  readonly isBusy: boolean;
}

/** What is there beside the page: the model in use, and what it makes of the prompts. */
export interface World {
  readonly model: ModelInfo | null;
  readonly readings: readonly Reading[];
}

/** A result and the experiment that it belongs to. */
export interface Shown<Result> {
  readonly result: Result;
  /** Of the experiment: see `experimentKey`. */
  readonly key: string;
  /** Computed since the page was opened; stored with an example; kept by this browser; from a file. */
  readonly origin: 'run' | 'stored' | 'kept' | 'file';
  readonly elapsedMs: number | null;
  /** Largest difference from the stored result, where it was computed again. */
  readonly difference: number | null;
}

export type Run =
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
      /** The part of the work that an earlier run had done already, in [0, 1): no time was spent on it here. */
      readonly doneBefore: number;
    }
  | { readonly status: 'stopped'; readonly key: string }
  | { readonly status: 'failed'; readonly key: string; readonly message: string };

/** An experiment that was opened and has not been touched since. */
export interface Opened<Experiment> {
  readonly experiment: Experiment;
  /** Whether it is to run by itself once its model is there: quietly where a stored result stands there. */
  readonly runs: 'quietly' | 'openly' | 'not';
  /** A stored result is being fetched: nothing runs before it has come or is known not to. */
  readonly isFetching: boolean;
}

export type EstimateState =
  | { readonly status: 'none' }
  | { readonly status: 'known'; readonly key: string; readonly value: Estimate }
  | { readonly status: 'refused'; readonly key: string; readonly message: string };

export interface PageState<T extends PageTypes> {
  readonly world: World;
  readonly history: History<T['document']>;
  /** Derived: what stands there now. */
  readonly draft: T['draft'];
  /** Derived: of the draft's experiment; null while there is none. */
  readonly key: string | null;
  readonly shown: Shown<T['result']> | null;
  /** Results for the way back, the newest first; a big one is a few megabytes. */
  readonly recent: readonly Shown<T['result']>[];
  readonly run: Run;
  readonly opened: Opened<T['experiment']> | null;
  /** The document as it was opened: while it stands there, nobody has typed anything that could be lost. */
  readonly asOpened: T['document'];
  /** Whether opening took the place of something that had been edited: one undo brings it back. */
  readonly hasReplaced: boolean;
  readonly estimate: EstimateState;
}

const keptResults = 8;

/** Something for the page to do once its state has settled. */
export type Command = { readonly do: 'run'; readonly isQuiet: boolean } | { readonly do: 'stop' };

export const documentIn = <T extends PageTypes>({ history }: PageState<T>): T['document'] => history.present;

/** Whether a result is known to be of other weights than those in use, perhaps under the same label. */
export const isOfOtherWeights = ({ result }: Shown<AnyResult>, model: ModelInfo | null): boolean =>
  model?.fingerprint !== undefined &&
  result.model.fingerprint !== undefined &&
  result.model.fingerprint !== model.fingerprint;

/** Whether what is shown belongs to what stands in the controls, and to the weights in use. */
export const isShownCurrent = (
  shown: Shown<AnyResult> | null,
  { key, world }: { readonly key: string | null; readonly world: World },
): boolean => shown !== null && shown.key === key && !isOfOtherWeights(shown, world.model);

export function initialState<T extends PageTypes>(definition: PageDefinition<T>): PageState<T> {
  const surroundings = { model: null, tokens: [] };
  return {
    world: { model: null, readings: [] },
    history: begun(definition.blank),
    draft: definition.derive(definition.blank, surroundings),
    key: null,
    shown: null,
    recent: [],
    run: { status: 'idle' },
    opened: null,
    asOpened: definition.blank,
    hasReplaced: false,
    estimate: { status: 'none' },
  };
}

export function edited<T extends PageTypes>(
  state: PageState<T>,
  document: T['document'],
  change: Change | null,
): PageState<T> {
  const history = changed(state.history, document, change);
  return history === state.history ? state : { ...state, history, opened: null, hasReplaced: false };
}

export function stepped<T extends PageTypes>(state: PageState<T>, step: 'undo' | 'redo'): PageState<T> {
  const history = (step === 'undo' ? undone : redone)(state.history);
  return history === state.history ? state : { ...state, history, opened: null, hasReplaced: false };
}

/** @param stored a result of the experiment that is there at once */
export function withOpened<T extends PageTypes>(
  definition: PageDefinition<T>,
  state: PageState<T>,
  opened: Opened<T['experiment']>,
  stored: Shown<T['result']> | null,
): PageState<T> {
  const document = definition.documentOf(opened.experiment, stored?.result ?? null);
  const { history, asOpened, run } = state;
  const next: PageState<T> = {
    ...state,
    history: history.present === definition.blank ? begun(document) : changed(history, document),
    opened,
    asOpened: document,
    hasReplaced: history.present !== asOpened,
    run: run.status === 'running' ? run : { status: 'idle' },
  };
  return stored === null ? next : withShown(next, stored);
}

/** A stored result that came after its experiment was opened; it is passed over where it is no longer wanted. */
export function withFetched<T extends PageTypes>(
  definition: PageDefinition<T>,
  state: PageState<T>,
  experiment: T['experiment'],
  found: Shown<T['result']> | null,
): PageState<T> {
  const { opened, shown, run } = state;
  if (opened?.experiment !== experiment) return state;
  const there = { ...state, opened: { ...opened, isFetching: false } };
  if (found === null) return there;
  // What was computed here of this very experiment is newer than anything stored.
  const isComputed = shown?.origin === 'run' && isShownCurrent(shown, state);
  if (isComputed || shown?.key === found.key || (run.status === 'running' && !run.isQuiet)) return there;
  // The result knows what its experiment left open, such as which tokens a text meant.
  const present = definition.documentOf(experiment, found.result);
  const runs = found.origin === 'kept' ? 'not' : opened.runs;
  const history = { ...state.history, present };
  return withShown({ ...there, history, asOpened: present, opened: { ...there.opened, runs } }, found);
}

/** The run of what stands there has begun: what was opened no longer waits. */
export function withRun<T extends PageTypes>(state: PageState<T>, run: Run): PageState<T> {
  const hasBegun = run.status === 'running' && state.run.status !== 'running';
  return { ...state, run, ...(hasBegun ? { opened: null } : {}) };
}

/** What a run has brought. A figure that belongs to what stands there does not give way to one that does not. */
export function withNews<T extends PageTypes>(state: PageState<T>, news: Shown<T['result']>): PageState<T> {
  const { shown, key } = state;
  if (news.key === key || !isShownCurrent(shown, state)) return withShown(state, news);
  return { ...withShown(state, news), shown };
}

export function withShown<T extends PageTypes>(state: PageState<T>, shown: Shown<T['result']>): PageState<T> {
  const others = state.recent.filter(({ key }) => key !== shown.key);
  return { ...state, shown, recent: [shown, ...others].slice(0, keptResults) };
}

/** What a document is read with. Before there is a model, the result that is shown stands in for it. */
export function surroundingsOf<T extends PageTypes>(
  definition: PageDefinition<T>,
  { world, shown, history }: Pick<PageState<T>, 'world' | 'shown' | 'history'>,
): Surroundings {
  const texts = definition.prompts(history.present);
  const standIn = world.model === null && shown !== null ? definition.standIn(shown.result) : null;
  return {
    model: world.model ?? standIn?.model ?? null,
    tokens: texts.map((text, index) => {
      const reading = world.readings[index];
      if (reading?.text === text && reading.tokens !== null) return reading.tokens;
      return standIn?.prompts.find((prompt) => prompt.text === text)?.tokens ?? null;
    }),
  };
}

/**
 * What follows from a state. Called after every change, with the state before it.
 * @returns the state with all that is derived, and what is to be done now
 */
export function settled<T extends PageTypes>(
  definition: PageDefinition<T>,
  state: PageState<T>,
  before: PageState<T>,
): readonly [PageState<T>, Command | null] {
  const next = recalled(derived(definition, state, before));
  return [next, commandFor(next, before)];
}

function derived<T extends PageTypes>(
  definition: PageDefinition<T>,
  state: PageState<T>,
  before: PageState<T>,
): PageState<T> {
  const { world, history, shown } = state;
  const isSame =
    history.present === before.history.present &&
    world.model === before.world.model &&
    sameTokens(world, before.world) &&
    // Only before there is a model: a result that grows is another one with every batch, and the draft is the same.
    (world.model !== null || shown === before.shown);
  if (isSame) return state;
  const draft = definition.derive(history.present, surroundingsOf(definition, state));
  const key = draft.experiment === null ? null : experimentKey(draft.experiment);
  const isOtherModel = world.model !== before.world.model;
  return { ...state, draft, key, ...(isOtherModel ? { estimate: { status: 'none' } } : {}) };
}

const sameTokens = (a: World, b: World): boolean =>
  a.readings.length === b.readings.length &&
  a.readings.every(
    ({ text, tokens }, index) => text === b.readings[index]?.text && tokens === b.readings[index]?.tokens,
  );

/** A result that was computed of what stands there now is shown again at once. */
function recalled<T extends PageTypes>(state: PageState<T>): PageState<T> {
  const { key, shown, recent } = state;
  if (key === null || key === shown?.key) return state;
  const found = recent.find((each) => each.key === key);
  return found ? withShown(state, found) : state;
}

function commandFor<T extends PageTypes>(state: PageState<T>, before: PageState<T>): Command | null {
  const { world, run, opened, key, shown } = state;
  if (run.status === 'running') {
    // Another model's numbers would be mixed into it; and what nobody asked for gives way to what was typed or opened.
    const isOtherModel = world.model !== before.world.model;
    const isOtherExperiment =
      !run.isAsked && (key === null ? state.history !== before.history : key !== run.key);
    const isOpening = opened !== null && opened.experiment !== before.opened?.experiment;
    return isOtherModel || isOtherExperiment || isOpening ? { do: 'stop' } : null;
  }
  if (opened === null || opened.runs === 'not' || opened.isFetching || key === null) return null;
  if (world.model === null || !isNamed(world.model.label, opened.experiment)) return null;
  // The prediction comes first: a person sees it before the figure, and it is quick.
  if (world.readings.some(({ isBusy }) => isBusy)) return null;
  const isThere = isShownCurrent(shown, state);
  if (isThere && shown?.origin === 'run') return null;
  return { do: 'run', isQuiet: opened.runs === 'quietly' && isThere };
}
