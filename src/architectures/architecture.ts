// What a model family tells the runtime: its graph parts (embed, one block per layer, head), the weights they take from
// the checkpoint, and the components that can be read and overridden. A family file reads like the paper's equations,
// with `site(...)` at every component; which of them become outputs or overrides is decided by whoever passes `site`.
//
// Tokens of all rows of a batch lie one after another in a flat axis `tokens`, so that matrix products waste nothing on
// padding, whatever the rows' lengths. Only attention needs rows: see attention.ts.

import type { Value } from '../onnx/value.ts';

/**
 * How a component's value is laid out.
 * - `token`: [tokens, width], one vector per token
 * - `head`: [tokens, heads, width], one vector per token and head
 * - `pair`: [rows, heads, queries, keys], one number per pair of positions and head
 */
export type Layout = 'token' | 'head' | 'pair';

/**
 * Whose positions a row has: in an encoder-decoder the encoder's or the decoder's, where the encoder reads another one that
 * one's too (`first`); any other model is `main` alone.
 */
export type StackName = 'first' | 'encoder' | 'main';

/** Where the layers of a component lie among those of a model of several stacks. */
export interface StackPlace {
  /** Whose positions it has: the encoder's too for the keys and values that a decoder's layer makes of them. */
  readonly stack: StackName;
  /** Layers of the model before its layer 0. */
  readonly from: number;
  readonly count: number;
}

export interface ComponentDescription {
  readonly name: string;
  /** Whether layers have one each, or the whole model has one. */
  readonly scope: 'layer' | 'model';
  /** Layers that have one; absent: all. */
  readonly layers?: readonly number[];
  /** Only in an encoder-decoder; absent elsewhere. */
  readonly place?: StackPlace;
  /** For a component of pairs: its keys are the encoder's positions. */
  readonly isCross?: boolean;
  readonly layout: Layout;
  /** Entries of one vector; for `pair` components 1. */
  readonly width: number;
  /** Heads, for `head` and `pair` components. */
  readonly heads?: number;
  /** Positions that have one; absent: all. */
  readonly positions?: readonly number[];
  /** What a position has goes into what later positions have of it: they follow from an edited one. */
  readonly isCarried?: true;
  /** For a per-head form, the component whose entries it shares. */
  readonly headsOf?: string;
  /** In PyTorch it is the very tensor of this too, so that an edit in place, as other tools make them, changes both. */
  readonly alias?: string;
  readonly description: string;
  /** Components that read it next. */
  readonly feeds: readonly string[];
}

/**
 * Marks the place of a component in the equations and returns what flows on: the value itself, or an edited one. A
 * component made of heads passes their number, and then stands for its per-head form too.
 */
export type Site = (component: string, value: Value, heads?: number) => Value;

/**
 * As `Site`, of a component that is carried from position to position. What is changed at one position of a row changes the
 * later ones: `follow` is given all positions before and after an edit, and returns them as they are then.
 */
export type CarriedSite = (
  component: string,
  value: Value,
  follow: (before: Value, after: Value) => Value,
) => Value;

/** The position of padding among keys, far beyond any position: no query sees a key there. */
export const nowhere = 2 ** 30;

/** The indices that attention needs, made by the runtime for each batch of rows. */
export interface AttentionBatch {
  /** [tokens, ...] places of each row's own tokens: int32 [rows, queries]. Padding repeats some valid place. */
  readonly queryIndex: Value;
  /** Position of each query in its sequence; -1 for padding. int32 [rows, queries] */
  readonly queryPositions: Value;
  /** Places of each row's keys in the past keys followed by the batch's own: int32 [rows, keys] */
  readonly keyIndex: Value;
  /** Position of each key in its sequence; `nowhere` for padding. int32 [rows, keys] */
  readonly keyPositions: Value;
  /** Place of each token in [rows * queries]: int32 [tokens] */
  readonly tokenSlot: Value;
  /**
   * Told the batch's own keys and values, [tokens, width] each; returns those that `keyIndex` counts in: the ancestors'
   * followed by the batch's own.
   */
  readonly joinPast: (keys: Value, values: Value) => { readonly keys: Value; readonly values: Value };
  /** Only in a decoder's layer: what the encoder's rows hand to it. */
  readonly memory?: MemoryBatch;
  /** Positions that no row of the batch has more than, where the part asks for it (`hasReach`); absent: not known. */
  readonly reach?: number;
  /** Only in a layer with a recurrence, where rows hand its states on and not what enters it. */
  readonly handed?: HandedStates;
}

/** What a recurrence hands to rows that fork at a position: its state behind the position before, and what its convolution saw. */
export interface HandedStates {
  /**
   * Of rows that fork at a position, whose own positions alone are then in the batch's graph: the last entries of the
   * convolution's stream, [rows, windowWidth], and the state, [rows, stateWidth].
   */
  readonly start?: { readonly window: Value; readonly state: Value };
  /** Where other rows fork from those of the batch. */
  readonly kept?: {
    /** Positions behind which both are kept, counted from the row's first in the graph: int32 [rows, kept] */
    readonly places: Value;
    /** [rows * kept, windowWidth] */
    readonly takeWindows: (windows: Value) => void;
    /** [rows * kept, stateWidth] */
    readonly takeStates: (states: Value) => void;
  };
}

/** The sizes of a recurrence that can hand its states on. */
export interface Recurrence {
  readonly windowWidth: number;
  readonly stateWidth: number;
  /** Numbers that a row takes while states of it are kept behind some of its positions. */
  readonly numbersKept: (positions: number, kept: number) => number;
}

/** Keys and values that a decoder's layer makes of the encoder's last states, for the rows of a batch. */
export interface MemoryBatch {
  /** Places of each row's in those below: int32 [rows, memory] */
  readonly index: Value;
  /** Position of each in the encoder's sequence; `nowhere` for padding. int32 [rows, memory] */
  readonly positions: Value;
  /** @returns keys and values of `width` entries each: [places, width] */
  readonly take: (width: number) => { readonly keys: Value; readonly values: Value };
}

export interface DynamicScope {
  /** A name for a size that follows from numbers, unlike those of other parts of the graph. */
  readonly sizeName: (name: string) => string;
}

/** What a graph part is built from. */
export interface PartScope {
  readonly weight: (name: string) => Value;
  readonly site: Site;
  /** Whether anything reads or edits the component: what nobody looks at may be computed in a form without it. */
  readonly isTouched: (component: string) => boolean;
  /** Present where the graph runs on a processor and is not differentiated: it may use `onnx/dynamic.ts`. */
  readonly dynamic?: DynamicScope;
  /** Position of each token in its sequence: int32 [tokens] */
  readonly positions: Value;
  /** Positions of the sequence that each token stands in: int32 [tokens] */
  readonly lengths: Value;
}

export interface EmbedScope extends PartScope {
  /** int32 [tokens]; nothing where the model reads an input. */
  readonly tokens: Value;
  /** [tokens, width of the input], where the model reads one. */
  readonly vectors: Value;
}

/** What a sequence begins with where that is no text: numbers of a fixed shape, cut into a vector for each position. */
export interface ModelInput {
  /** `image`: pixels [channels, height, width], normalised; `sound`: log-mel features [bands, frames]. */
  readonly kind: 'image' | 'sound';
  readonly shape: readonly number[];
  readonly positions: number;
  /** Of a picture: its patches across and down. They stand row by row behind position 0, which has no pixels. */
  readonly patches?: { readonly across: number; readonly down: number };
  /** Numbers in a position's vector. */
  readonly width: number;
  /** @param data of the input's shape, row-major @returns [positions, width] */
  readonly vectors: (data: Float32Array) => Float32Array;
}

export interface BlockScope extends PartScope {
  /** [tokens, width] */
  readonly hidden: Value;
  readonly batch: AttentionBatch;
  readonly carried: CarriedSite;
}

export interface HeadScope extends PartScope {
  /** [tokens, width] */
  readonly hidden: Value;
}

/** A graph input that is filled from the checkpoint once and kept. */
export type WeightSource =
  | {
      readonly kind: 'tensor';
      /** Name in the checkpoint. */
      readonly tensor: string;
      readonly shape: readonly number[];
    }
  | {
      /** A table with a row per position, computed to the length that is needed. */
      readonly kind: 'positions';
      readonly key: string;
      readonly width: number;
      /** [count, width], row-major */
      readonly rows: (count: number) => Float32Array;
      /** Only sequences longer than this read it, at all their positions: what was kept of them while shorter is not theirs. */
      readonly after?: number;
    };

export interface GraphPart<Scope extends PartScope> {
  /** Parts of one family with the same key are the same graph with other weights. */
  readonly key: string;
  readonly weights: Readonly<Record<string, WeightSource>>;
  /** Its graph is smaller for shorter rows: it is made anew for each power of two of their positions. */
  readonly hasReach?: true;
  /** @returns [tokens, width], or [tokens, vocabulary] for the head */
  readonly build: (scope: Scope) => Value;
}

/**
 * What stands before a stack that reads it. Its layers are in the model's `blocks` before those of its reader, and the last of
 * them leaves what the reader's layers read; the model's `embed`, `head` and last blocks are the decoder's.
 */
export interface EncoderStack {
  /** What it reads in its turn, beside its own tokens. */
  readonly encoder?: EncoderStack;
  readonly layerCount: number;
  readonly width: number;
  readonly maxPositions: number;
  /** What it reads in place of tokens. */
  readonly input?: ModelInput;
  readonly embed: GraphPart<EmbedScope>;
  /** For each layer of its reader: hands its keys and values to `joinPast`, and gives `hidden` on as it is. */
  readonly memory: readonly GraphPart<BlockScope>[];
  /** The token with which the decoder begins to write; of the encoder that it reads. */
  readonly startToken: number;
  /** The token with which a text ends, where the configuration's `eos_token_id` is another. */
  readonly endToken?: number;
}

export interface Architecture {
  /** `gpt2`, `gpt_neox`, `llama`: the file of this folder. */
  readonly family: string;
  /** The configuration's `model_type`. */
  readonly modelType: string;
  /** Of all stacks together, where there are several. */
  readonly layerCount: number;
  readonly width: number;
  readonly headCount: number;
  /** Entries of the logits: tokens, or the labels of a classifier. */
  readonly vocabularySize: number;
  readonly maxPositions: number;
  /** What the model reads in place of tokens. */
  readonly input?: ModelInput;
  /** What the entries of the logits are called, where they are no tokens. */
  readonly labels?: readonly string[];
  /** Whether a position sees only itself and earlier ones, so that rows may fork within a sequence. */
  readonly isCausal: boolean;
  /**
   * Numbers that a block holds at once beside attention's for a row: a sequence of so many positions, of which it carries
   * so many.
   */
  readonly numbersPerRow?: (carried: number, positions: number) => number;
  /** Numbers that a block hands to later positions for each position: keys and values, or twice what enters a recurrence. */
  readonly presentWidth: number;
  readonly recurrence?: Recurrence;
  readonly components: readonly ComponentDescription[];
  /** What changes a sublayer's output before it is added to the residual stream: `a norm`, `a factor`. */
  readonly behind?: string;
  /** Sentences about what other implementations compute otherwise. */
  readonly notices?: readonly string[];
  readonly embed: GraphPart<EmbedScope>;
  readonly blocks: readonly GraphPart<BlockScope>[];
  readonly head: GraphPart<HeadScope>;
  readonly encoder?: EncoderStack;
  /**
   * Where the configuration ties the unembedding to the table of tokens: the table, and the tensor of a file that holds an
   * unembedding all the same.
   */
  readonly tied?: { readonly table: string; readonly head: string };
  /** Patterns of checkpoint tensors that hold nothing the model needs (masks, frequencies, a tied copy). */
  readonly ignoredTensors: readonly RegExp[];
}

/**
 * Numbers that a block holds at once for a row: a score for each head, carried position and position; what is gathered of
 * the positions; or more, where the family says so.
 * @param carried positions that pass, of all `positions` of the sequence
 */
export function numbersHeld(
  { headCount, presentWidth, numbersPerRow }: Architecture,
  carried: number,
  positions: number,
): number {
  const own = numbersPerRow?.(carried, positions) ?? 0;
  return Math.max(headCount * carried * positions, (presentWidth / 2) * positions, own);
}

/** The configuration asks for something this family does not do, or misses something it needs. */
export class UnsupportedModelError extends Error {
  override readonly name = 'UnsupportedModelError';
}

export const tensor = (name: string, ...shape: readonly number[]): WeightSource => ({
  kind: 'tensor',
  tensor: name,
  shape,
});

/** The stacks before the decoder, in the order in which they run; none in a model of one stack. */
export function encodersOf({ encoder }: Pick<Architecture, 'encoder'>): readonly EncoderStack[] {
  return encoder ? [...encodersOf(encoder), encoder] : [];
}

/** What a model reads that is no text: in place of all tokens, or before the first stack that reads some. */
export const firstInput = ({
  input,
  encoder,
}: Partial<Pick<Architecture, 'input' | 'encoder'>>): ModelInput | undefined =>
  input ?? (encoder && firstInput(encoder));

/** Whether a model reads more than one text: a source, a picture, a sound. */
export const readsMore = ({ input, encoder }: Partial<Pick<Architecture, 'input' | 'encoder'>>): boolean =>
  input !== undefined || encoder !== undefined;

/** Every graph part of a model. */
export const allParts = ({ embed, blocks, head, encoder }: Architecture) => [
  ...encodersOf({ ...(encoder ? { encoder } : {}) }).flatMap((each) => [each.embed, ...each.memory]),
  embed,
  ...blocks,
  head,
];

/** The per-head form of a component: `head_query_output`, `encoder.head_query_output`. */
export const headForm = (component: string): string => component.replace(/[^.]*$/, 'head_$&');
