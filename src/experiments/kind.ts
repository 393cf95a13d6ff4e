// What an experiment of any kind can be asked. The command line, the worker, links and the page know this file and the
// registry; which kinds there are, and what one of them measures, is known in the kind's own folder alone.
//
// A kind has two halves. `KindDefinition` says what an experiment and its result look like: it is small, and a page loads
// it. `KindWork` turns an experiment into rows of a model: it is loaded where a model runs. `defineKind` makes of both an
// `ExperimentKind`, in which no type of the kind's own is left.

import type { Architecture } from '../architectures/architecture.ts';
import type { ChatRequest } from '../checkpoint/chat/chatTemplate.ts';
import type { GenerationFiles, ModelConfiguration, Tokenizer } from '../checkpoint/checkpoint.ts';
import type { BackendKind } from '../runtime/backends/backend.ts';
import type { Model } from '../runtime/model.ts';
import type { Metric, Samples } from './metrics.ts';
import type { Notice } from './notice.ts';
import type { Deviation, ResultPrecision } from './precision.ts';
import type { Shown, ShowOptions } from './shown.ts';
import type { NamedToken } from './tokens.ts';

/** What every experiment file states. */
export interface AnyExperiment {
  readonly kind: string;
  readonly version: number;
  readonly title?: string | undefined;
  /** A Hub id, a path, or the name of the embedded model. */
  readonly model: string;
  readonly revision?: string | undefined;
}

/** What every result states. */
export interface AnyResult {
  readonly kind: string;
  readonly version: number;
  readonly experiment: AnyExperiment;
  readonly model: {
    readonly label: string;
    readonly modelType: string;
    readonly parameterCount: number;
    readonly fingerprint?: string | undefined;
  };
  readonly backend: { readonly kind: BackendKind; readonly description: string };
  /** Absent where all was computed in float32. */
  readonly precision?: ResultPrecision | undefined;
  readonly notices: readonly { readonly code: string; readonly text: string }[];
}

export interface KindWords {
  /** As a heading: `Causal trace`. */
  readonly title: string;
  /** What is counted: `cells`. */
  readonly counted: string;
  /** What goes on while it runs: `Tracing`. */
  readonly stage: string;
  /** In a sentence: `a trace`. */
  readonly indefinite: string;
}

export interface Count {
  readonly done: number;
  readonly total: number;
}

/** What is known of an experiment before the model runs. */
export interface Estimate {
  /** Cells or sites: what `KindWords.counted` names. */
  readonly count: number;
  /** Rows times the layers that each passes: the total of progress. */
  readonly rowLayers: number;
  /** Tokens times the layers that each passes: what time goes by. */
  readonly tokenLayers: number;
  /** Steps of training; 0 where nothing is trained. */
  readonly steps: number;
  /**
   * Of hidden states that enter a layer and leave it in the largest batch, with what its rows take from each other there; or
   * of those that are kept between steps. Weights are not included.
   */
  readonly bytes: number;
  readonly notices: readonly Notice[];
  /** What is watched, one a pair of prompts: null where it is the model's own prediction, or where there is none. */
  readonly targets: readonly { readonly answer: NamedToken | null; readonly distractor: NamedToken | null }[];
  /** Names of the units of work, in the order in which they run. */
  readonly units: readonly string[];
}

/** Something that changes a result: plain data, which may pass a port. */
export interface Update {
  /** The name of the kind. */
  readonly of: string;
  /** Null where there is a notice or a deviation. */
  readonly change: unknown;
  /** Of the run, whatever its kind: what it had to give up. */
  readonly notice?: Notice;
  /** Of a run in float16: how far it is from float32. */
  readonly deviation?: Deviation;
}

/** A result that grows. */
export interface Growth<Result, Change> {
  /** What there is so far; what comes later does not change it. Undefined before the first change. */
  readonly result: Result | undefined;
  take(change: Change): void;
}

export interface WorkOptions<Result> {
  /** A result of the same experiment on the same model: what is in it is not computed again. */
  readonly earlier?: Result;
  /** Names of units that are not to run. */
  readonly leaveOut?: ReadonlySet<string>;
  readonly signal?: AbortSignal;
  /** Row-layers. Work that is left out or done already counts as done at once. */
  readonly onProgress?: (done: number, total: number) => void;
  /** What stands on a token's chip; default its id. */
  readonly textOf?: (id: number) => string;
  /** Of kinds that run in float16: the run ends behind the first batch that is computed. */
  readonly isFirstBatchOnly?: boolean;
}

/** What a change of a result holds of measurements. */
export interface Measured {
  /** The tokens that are watched, where a result begins. */
  readonly answers?: readonly number[];
  /** The runs that cells lie between, where a result begins. */
  readonly baselines: readonly Samples[];
  /** By a name of the cell. */
  readonly cells: ReadonlyMap<string, Samples>;
}

/** Writes a chat down under a deadline. @throws ChatTemplateError when the template is missing, or refuses the turns */
export type RenderChat = (files: GenerationFiles, request: ChatRequest) => string | Promise<string>;

/** What generating needs of a model's files. */
export interface GenerationSupport {
  readonly config: ModelConfiguration;
  readonly files: GenerationFiles | undefined;
  readonly renderChat: RenderChat;
}

export interface KindResolveOptions {
  readonly signal?: AbortSignal | undefined;
  /** For kinds that generate; without it there are no chats, and no options but those that the experiment gives. */
  readonly generation?: (() => Promise<GenerationSupport>) | undefined;
  /** What the model's files say of pictures and sounds; without it those that need it are refused. */
  readonly preprocessor?: (() => Promise<ModelConfiguration | undefined>) | undefined;
}

/** The half of a kind that needs a model. */
export interface KindWork<Experiment, Result, Resolved, Change> {
  /**
   * Tokens instead of text, defaults filled in, all checked that can be checked before the model runs.
   * @param tokenizer may be absent when the experiment gives token ids
   * @throws ExperimentError or PlanError in one sentence: what does not fit, and what would
   */
  resolve(
    architecture: Architecture,
    tokenizer: Tokenizer | undefined,
    experiment: Experiment,
    options: KindResolveOptions,
  ): Resolved | Promise<Resolved>;
  estimate(architecture: Architecture, resolved: Resolved): Omit<Estimate, 'units'>;
  /**
   * Units of work, in the order in which they run. The experiment and the model's shape alone decide them, each fills a
   * batch, and a batch begins at each one's border: its numbers do not depend on which others run beside it.
   */
  units(architecture: Architecture, resolved: Resolved): readonly string[];
  /** Those of which a result holds everything. */
  unitsDone(architecture: Architecture, resolved: Resolved, result: Result): readonly string[];
  /**
   * The first change begins a result, with all that `earlier` holds in it.
   * @throws the signal's reason when it is aborted; what was yielded stays good
   */
  run(model: Model, resolved: Resolved, options: WorkOptions<Result>): AsyncGenerator<Change, void>;
}

export type ReadFile = (path: string) => Promise<Uint8Array>;

/** A kind as its own folder defines it. */
export interface KindDefinition<
  Experiment extends AnyExperiment,
  Result extends AnyResult,
  Resolved,
  Change,
> {
  /** `trace`: the `kind` of its experiments. */
  readonly name: Experiment['kind'];
  /** `trace-result`: the `kind` of its results. */
  readonly resultName: Result['kind'];
  readonly words: KindWords;
  /** It knows models that read more than a text: a source, a picture, a sound. Any other kind refuses them. */
  readonly readsBeside?: true;
  /** @throws ExperimentError that names the first thing that is wrong */
  read(value: unknown): Experiment;
  /** @throws ExperimentError that names the first thing that is wrong */
  readResult(value: unknown): Result;
  /** False where a model need not read prompts for it. Default true. */
  readonly needsPrompts?: boolean;
  /** What a change has measured, of a kind that runs in float16 too; absent: it is refused there. */
  readonly measured?: (change: Change) => Measured;
  /** Whether some text of it must become tokens. */
  hasText(experiment: Experiment): boolean;
  /**
   * The experiment with the contents of the files that it names; default as it is.
   * @param read the bytes of a file by its path in the experiment
   */
  withFiles?(experiment: Experiment, read: ReadFile): Promise<Experiment>;
  /** Why a metric cannot be shown of an experiment, with the remedy; undefined where it can. */
  metricProblem(experiment: Experiment, metric: Metric): string | undefined;
  growth(): Growth<Result, Change>;
  /** The result with the text of every token that it names by id alone, for a reader without the tokenizer; default as it is. */
  withTexts?(result: Result, textOf: (id: number) => string): Result;
  /** What has arrived, and all. */
  count(result: Result): Count;
  /** @throws MetricError for a metric that the result does not have */
  show(result: Result, options: ShowOptions): Shown;
  work(): Promise<KindWork<Experiment, Result, Resolved, Change>>;
}

export interface RunOptions extends Omit<WorkOptions<AnyResult>, 'leaveOut' | 'textOf' | 'isFirstBatchOnly'> {
  readonly leaveOut?: readonly string[];
}

/** An experiment that fits a model. */
export interface ReadyExperiment {
  estimate(): Estimate;
  unitsDone(result: AnyResult): readonly string[];
  /**
   * @param model of the architecture that the experiment was resolved for
   * @throws ExperimentError for a unit that the experiment does not have, or the signal's reason when it is aborted
   */
  run(model: Model, options?: RunOptions): AsyncGenerator<Update, void>;
}

/** A kind as everyone outside its folder sees it. A value of another kind is refused by each function with an `ExperimentError`. */
export interface ExperimentKind {
  readonly name: string;
  readonly resultName: string;
  readonly words: KindWords;
  /** Why it does not run in float16, with the remedy; undefined where it does. */
  readonly halfProblem: string | undefined;
  read(value: unknown): AnyExperiment;
  readResult(value: unknown): AnyResult;
  hasText(experiment: AnyExperiment): boolean;
  withFiles(experiment: AnyExperiment, read: ReadFile): Promise<AnyExperiment>;
  metricProblem(experiment: AnyExperiment, metric: Metric): string | undefined;
  growth(): Growth<AnyResult, Update>;
  withTexts(result: AnyResult, textOf: (id: number) => string): AnyResult;
  count(result: AnyResult): Count;
  isComplete(result: AnyResult): boolean;
  show(result: AnyResult, options?: ShowOptions): Shown;
  resolve(
    architecture: Architecture,
    tokenizer: Tokenizer | undefined,
    experiment: AnyExperiment,
    options?: KindResolveOptions,
  ): Promise<ReadyExperiment>;
}

/** A kind as the page that was made for it sees it: the same, with the types of its own. */
export interface TypedKind<Experiment extends AnyExperiment, Result extends AnyResult>
  extends ExperimentKind {
  read(value: unknown): Experiment;
  readResult(value: unknown): Result;
  growth(): Growth<Result, Update>;
  /** A result that may be of another kind; undefined when it is. */
  own(result: AnyResult): Result | undefined;
}
