// What passes between the page and the engine's worker: plain data only. The page never sees a tensor or a session.

import type { StackPlace } from '../architectures/architecture.ts';
import type { LearnedRequest, LearnedSite } from '../experiments/align/learned.ts';
import type { AlignTask, AlignTaskRequest, OwnAnswers } from '../experiments/align/task.ts';
import type { DescribedExample, FinetuneExamplesRequest } from '../experiments/finetune/described.ts';
import type { FilledTwice, FillRequest } from '../experiments/finetune/filled.ts';
import type { GivenPrompt } from '../experiments/givenPrompt.ts';
import type { InterveneExperiment } from '../experiments/intervene/experiment.ts';
import type { InterveneResult } from '../experiments/intervene/result.ts';
import type { AnyExperiment, AnyResult, Estimate, Update } from '../experiments/kind.ts';
import type { ImportedStructure } from '../imported/describe.ts';
import type { GenerationCalls } from './generationProtocol.ts';

export type BackendKind = 'webgpu' | 'wasm';

/** Where a model comes from. Files are structured-cloned, so the worker reads them without copying. */
export type ModelSource =
  /** A folder served beside the page, such as the embedded model; `url` ends with a slash. */
  | { readonly kind: 'url'; readonly url: string; readonly label: string }
  /** A folder's files, or a single `.gguf` or `.safetensors` file, chosen or dropped. */
  | { readonly kind: 'files'; readonly files: readonly File[] }
  /** A Hub repository. */
  | {
      readonly kind: 'hub';
      readonly repository: string;
      readonly revision: string;
      readonly hubUrl: string;
      /** A `.gguf` or `.onnx` file of the repository; without it, its safetensors or its only `.gguf` file. */
      readonly file?: string;
      /** For a private or gated repository. Held in memory while the model is in use, and nowhere else. */
      readonly accessToken?: string;
    };

/** A model of which this browser keeps bytes. */
export interface CachedModel {
  readonly label: string;
  /** Where to load it from again; null for a server that is no Hub. */
  readonly source: {
    readonly repository: string;
    readonly revision: string;
    readonly hubUrl: string;
    readonly file?: string;
  } | null;
  readonly sizeBytes: number;
  /** Milliseconds since 1970. */
  readonly lastUsed: number;
  /** False while a part is missing that a load would read. */
  readonly isComplete: boolean;
}

/** What this browser keeps of models from the Hub and other servers. */
export interface CacheInfo {
  /** False where the browser offers no storage, on a page that is not secure for instance. */
  readonly isAvailable: boolean;
  /** The last used first. */
  readonly models: readonly CachedModel[];
  /** Bytes of all of them. */
  readonly sizeBytes: number;
}

/** What the engine runs on, and why. */
export interface DeviceInfo {
  readonly backend: BackendKind;
  /** The adapter's description on WebGPU; absent on WASM. */
  readonly adapter?: string;
  /** Threads on WASM; absent on WebGPU. */
  readonly threads?: number;
  /** One sentence: why this backend was chosen. */
  readonly reason: string;
}

/** One hookable component, as the grid of layers by components shows it. */
export interface ComponentInfo {
  readonly name: string;
  /** Null for a component that exists once, such as `logits`. */
  readonly layers: number | null;
  /** Dimensions with names, for example `['position', 576]` or `['position', 9, 64]`. */
  readonly shape: readonly (string | number)[];
  /** One plain sentence: what it is. */
  readonly description: string;
  /** Components of the same layer (or the next) that it flows into. */
  readonly feeds: readonly string[];
  /** Of a model of several stacks: whose positions it has, and where its layers lie among all. */
  readonly place?: StackPlace;
  /** A component of pairs whose keys are another stack's positions. */
  readonly isCross?: true;
  /** The component that it is the per-head form of, where a stack's name stands before both. */
  readonly headsOf?: string;
  /** Layers that have one, where not all of `layers` have. */
  readonly onlyLayers?: readonly number[];
  /** Positions that have one, where not all have. */
  readonly positions?: readonly number[];
}

export interface ModelReads {
  /** A source text, a picture, a sound. */
  readonly kind: 'text' | 'image' | 'sound';
  /** Of a picture or a sound: positions that it becomes. */
  readonly positions?: number;
  /** Of a sound: how long they last together. */
  readonly seconds?: number;
  /** Of a picture: its patches across and down. */
  readonly patches?: { readonly across: number; readonly down: number };
  /** Of a picture: what says which part of it is seen, and in what size. */
  readonly picture?: {
    readonly settings: Readonly<Record<string, unknown>>;
    readonly shape: readonly number[];
    readonly family: string;
  };
  /** No text stands beside it. */
  readonly isAlone?: true;
  /** The prompt is a question about it, and beside the two stands what has been answered so far. */
  readonly isAsked?: true;
}

export interface ModelInfo {
  readonly label: string;
  /** The configuration's `model_type`. */
  readonly family: string;
  /** The family whose equations it has, after which modules are named: a `mistral` is a `llama`. */
  readonly architecture: string;
  /** Whether a position sees only itself and earlier ones. */
  readonly isCausal: boolean;
  /** What it reads beside what it predicts from, or in place of it; absent where it reads one text. */
  readonly reads?: ModelReads;
  /** The token that stands where a masked model predicts; absent where the tokenizer has none. */
  readonly mask?: { readonly id: number; readonly text: string };
  readonly layerCount: number;
  readonly width: number;
  readonly headCount: number;
  readonly vocabularySize: number;
  readonly maxPositions: number;
  readonly parameterCount: number;
  /** Of the weights' contents, as results name it; absent where it could not be read. */
  readonly fingerprint?: string;
  /** Bytes of weights held for computing. */
  readonly weightBytes: number;
  /** Why the weights are not simply held in float32, in a sentence; absent when they are. */
  readonly weightsNote?: string;
  /** What a person should know of the load: that the model was not kept, or is a kept copy. Sentences. */
  readonly notices?: readonly string[];
  readonly components: readonly ComponentInfo[];
  /** Of a model brought as ONNX: what it reads, and all of its tensors. */
  readonly imported?: ImportedStructure;
}

export interface TokenInfo {
  readonly id: number;
  /** As in a sentence, leading space included. */
  readonly text: string;
  readonly isSpecial: boolean;
  /** Where a masked model predicts. */
  readonly isMask?: boolean;
  /** Where it stands in the prompt that it is of, in UTF-16 units; null where it stands for none of it. */
  readonly place?: readonly [number, number] | null;
}

export interface Candidate extends TokenInfo {
  /** In [0, 1]. */
  readonly probability: number;
  readonly logit: number;
}

export interface Prediction {
  readonly tokens: readonly TokenInfo[];
  /** The most probable next tokens, best first. */
  readonly candidates: readonly Candidate[];
  readonly elapsedMs: number;
}

/** Progress of a load or a run. Monotone, with a constant total once it is known; null until then. */
export interface Progress {
  readonly stage: string;
  readonly done: number;
  readonly total: number | null;
  readonly unit: 'bytes' | 'layer-passes';
  /** What a person who waits should know: that the GPU does not answer. Nothing has gone on since, and no count is told. */
  readonly note?: string;
}

/** A run of many steps has reached its end. */
export interface RunEnd {
  readonly elapsedMs: number;
}

export interface ExperimentOptions extends CallOptions {
  /** A result of the same experiment on the same model: what is in it is not computed again. */
  readonly earlier?: AnyResult;
  /** Names of units of work that are not to run: see `Estimate.units`. */
  readonly leaveOut?: readonly string[];
  /**
   * For the `growth` of the experiment's kind. The first update begins a result, with all of `earlier` in it; a run that
   * begins again on another device, because its own was lost, gives such an update again. A run that is cancelled may hand
   * over what it had after the call was rejected.
   */
  readonly onUpdate?: (update: Update) => void;
}

export interface InterveneOptions extends CallOptions {
  /** Whether later positions, and what the head makes of what was collected, are looked at too; default true. */
  readonly isWhole?: boolean;
}

/** What the same-place cable of every socket would do to the metric, to first order. */
export interface SocketEstimateRequest {
  readonly base: GivenPrompt;
  readonly source: GivenPrompt;
  /** For each position that the component has in the base that of the source; null for none. */
  readonly places: readonly (number | null)[];
  readonly component: string;
  /** Tokens by id or text: the metric is the logit of the one minus that of the other. */
  readonly answer: number | string;
  readonly distractor: number | string | null;
}

export interface SocketEstimates {
  /** [layers, positions], or [layers, positions, heads]. */
  readonly shape: readonly number[];
  /** Row-major, in logits that the metric changes by; NaN where a position has no match. */
  readonly values: Float32Array;
  /** The metric of the two runs. */
  readonly baselines: { readonly base: number; readonly source: number };
  readonly elapsedMs: number;
}

/** The mean of a component over prompts: over all their positions, or at their last ones. */
export interface ActivationRequest {
  readonly prompts: readonly string[];
  readonly component: string;
  readonly layer: number | null;
  /** Null for a component without heads: each head has a mean of its own. */
  readonly head: number | null;
  readonly at: 'all' | 'last';
  /** Whether prompts get the tokens that the tokenizer puts around a text; default true. A word by itself takes none. */
  readonly addSpecialTokens?: boolean;
}

export interface PatchCalls {
  /** Run an intervention. */
  intervene(experiment: InterveneExperiment, options?: InterveneOptions): Promise<InterveneResult>;
  /** Estimate every socket of a component: two forward passes and one backward. */
  estimateSockets(request: SocketEstimateRequest, options?: CallOptions): Promise<SocketEstimates>;
  meanActivation(request: ActivationRequest, options?: CallOptions): Promise<Float32Array>;
}

export interface AlignCalls {
  /** The examples of a task under the model's tokens; no model runs. */
  alignTask(request: AlignTaskRequest, options?: CallOptions): Promise<AlignTask>;
  /** What the model continues the prompts of a task with by itself. */
  alignOwnAnswers(request: AlignTaskRequest, options?: CallOptions): Promise<OwnAnswers>;
  /** How the prompts of a task lie along what was learned at a site. */
  alignLearned(request: LearnedRequest, options?: CallOptions): Promise<LearnedSite>;
}

export interface FinetuneCalls {
  /** Examples of a finetuning under the model's tokens, each by itself; no model runs. */
  finetuneExamples(
    request: FinetuneExamplesRequest,
    options?: CallOptions,
  ): Promise<readonly DescribedExample[]>;
  /** What fills the mask of a prompt, without an adapter and with it. */
  finetuneFill(request: FillRequest, options?: CallOptions): Promise<FilledTwice>;
}

/** What the page can ask of the engine. Each call may be aborted; an abort rejects with an `AbortError`. */
export interface Engine extends PatchCalls, AlignCalls, FinetuneCalls, GenerationCalls {
  device(): Promise<DeviceInfo>;
  loadModel(source: ModelSource, options?: CallOptions): Promise<ModelInfo>;
  tokenize(text: string): Promise<readonly TokenInfo[]>;
  predict(text: string, options?: CallOptions & { readonly count?: number }): Promise<Prediction>;
  /** The tokens that ids stand for. */
  describeTokens(ids: readonly number[]): Promise<readonly TokenInfo[]>;
  /** Check an experiment of any kind against the model in use and say what it costs; no model runs. */
  estimate(experiment: AnyExperiment): Promise<Estimate>;
  run(experiment: AnyExperiment, options?: ExperimentOptions): Promise<RunEnd>;
  /** What is kept of models. */
  cache(): Promise<CacheInfo>;
  /** Drop one kept model by its label, or all with null. @returns what is left */
  forget(label: string | null): Promise<CacheInfo>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}
