// What a kind of experiment says of its page: how a document becomes an experiment and back, and what of a result is shown.
// Everything else that a page does (undo, runs, links, files, examples, exports) is written once beside this file and
// knows no kind. `docs/page.md` shows how a page is mounted.

import type { AnyExperiment, AnyResult, TypedKind } from '../../experiments/kind.ts';
import type { Metric } from '../../experiments/metrics.ts';
import type { Pair } from '../../experiments/pairs.ts';
import type { ShownFigure } from '../../experiments/shown.ts';
import type { ModelInfo, TokenInfo } from '../../worker/protocol.ts';
import type { FigureView } from './figureView.ts';

/** The types of a page, as one parameter. */
export interface PageTypes {
  /** What a person edits: immutable, with half-typed fields as they stand in their controls. */
  readonly document: unknown;
  readonly experiment: AnyExperiment;
  readonly result: AnyResult;
  /** What follows from document, model and tokens. */
  readonly draft: Draft<AnyExperiment>;
}

export interface Draft<Experiment> {
  /** What a run would be given, with nothing left open; null while something is missing or invalid. */
  readonly experiment: Experiment | null;
  /** What is invalid, by the name of its control; the first is shown beside the run button. */
  readonly problems: ReadonlyMap<string, string>;
}

/** What of a model a document is read with. */
export type KnownModel = Pick<ModelInfo, 'label' | 'layerCount' | 'maxPositions'>;

/** What a document is read with: a draft is a pure function of the document and of this. */
export interface Surroundings {
  /** The model in use, whole once there is one; before, what the stored result that is shown tells of its own. */
  readonly model: KnownModel | ModelInfo | null;
  /** Of each of the document's prompts, null until they are known. */
  readonly tokens: readonly (readonly TokenInfo[] | null)[];
}

/** What a result tells of its model and prompts, for a page that has no model yet. */
export interface StandIn {
  readonly model: KnownModel;
  readonly prompts: readonly { readonly text: string; readonly tokens: readonly TokenInfo[] }[];
}

export interface Kept {
  readonly amount: number;
  readonly words: string;
}

export interface Example<Experiment, Result> {
  readonly name: string;
  readonly title: string;
  readonly experiment: Experiment;
  /** Its prompts, in the order of the definition's `prompts`. */
  readonly texts: readonly string[];
  /** Null when no result is stored, or it belongs to another version of the experiment. */
  readonly result: () => Promise<Result | null>;
}

/** Pairs of a table that was dropped. */
export type TableReader = (options: { readonly needsCorrupted: boolean }) => readonly Pair[];

/** Functions are written as methods, so that the frame may hold pages of all kinds in one list. */
export interface PageDefinition<T extends PageTypes> {
  readonly kind: TypedKind<T['experiment'], T['result']>;
  /** In the header: `Trace`. */
  readonly title: string;
  /** In sentences: `trace`. */
  readonly noun: string;
  /** The title of the page under whose tab it stands; default a tab of its own. */
  readonly tab?: string;
  /** What it is called among the pages of one tab; default its title. */
  readonly tabTitle?: string;
  /** How its figures are looked at before anything is chosen; default as a trace is. */
  readonly look?: FigureView;
  readonly examples: readonly Example<T['experiment'], T['result']>[];

  /** Whether a run takes minutes: nothing of it is computed unasked, and what a run has so far outlives the page. */
  readonly isCostly?: boolean;

  /**
   * What a run that was stopped would go on with; default the units that are done.
   * @returns an amount that grows with every bit of work that need not be done again, and what it is: `2 sites`
   */
  kept?(result: T['result']): Kept;

  /** The document of a page on which nothing has been opened. */
  readonly blank: T['document'];
  /** Texts whose tokens and predictions the page needs, in an order of its own. */
  prompts(document: T['document']): readonly string[];
  /** The document with one of these texts changed. */
  withPrompt(document: T['document'], index: number, text: string): T['document'];
  /**
   * The document with a table in place of its prompts; absent where the kind has no pairs of prompts.
   * @param pairsIn reads the table; throws an ExperimentError that names the column or the row
   */
  withTable?(document: T['document'], pairsIn: TableReader): T['document'];
  derive(document: T['document'], surroundings: Surroundings): T['draft'];

  /**
   * The document that an experiment is.
   * @param result of the same experiment, where there is one: it knows what the experiment left open
   * @throws ExperimentError for an experiment that the page has no controls for, with the way on
   */
  documentOf(experiment: T['experiment'], result: T['result'] | null): T['document'];
  /** The experiment of a result with nothing left open: as `derive` gives it for the document that led to the result. */
  experimentOf(result: T['result']): T['experiment'];
  /** An experiment with nothing left open as a link holds it, so that it means the same under another model's tokens. */
  shared(experiment: T['experiment'], surroundings: Surroundings): T['experiment'];
  /** What of an experiment a link writes: the rest, reading fills in again. */
  brief(experiment: T['experiment']): unknown;
  standIn(result: T['result']): StandIn;
  /** Largest difference between two results of one experiment, in the metric that `sameWithin` is of. */
  difference(a: T['result'], b: T['result']): number;

  /** What there is to choose from as metric; default nothing. */
  metrics?(result: T['result']): readonly Metric[];
  /** Names of the figures of a result that may have several: the view says which of them is drawn. */
  sheets?(result: T['result']): readonly string[];
  /** What is drawn, as it is looked at. */
  figure(result: T['result'], view: FigureView): ShownFigure;
  /** How its files are called, without an ending: `trace-eiffel-tower`. */
  fileStem(result: T['result']): string;
}
