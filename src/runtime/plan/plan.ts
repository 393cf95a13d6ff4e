// What is to be computed: rows (sequences under edits), and reads of what passes their sites. Experiments compile to
// plans; the scheduler runs them and knows nothing of experiments.

import type { Value } from '../../onnx/value.ts';
import type { DeviceTensor } from '../backends/backend.ts';
import type { KeptRow } from './keptRow.ts';

/** A component at a layer; `layer` is null for a component that the model has once, such as `logits`. */
export interface Site {
  readonly component: string;
  readonly layer: number | null;
}

/**
 * Which units of a site. Positions count from 0 in the row's sequence, its forked-off beginning included. For per-head
 * and pair components, `heads` are the heads (default all), and the units are all pairs, position by position:
 * (position 0, head 0), (position 0, head 1), ...
 */
export interface Location {
  readonly positions: readonly number[] | 'all';
  readonly heads?: readonly number[];
}

/** What an edit is built from, inside the graph of a block. */
export interface FragmentScope {
  /** [units, width]: what passes the site. For pair components [rows, heads, queries, keys]. */
  readonly base: Value;
  /** Of the shape of `base`, or of the width of the component that an `own` source names; absent without a source. */
  readonly source?: Value;
  readonly parameter: (name: string) => Value;
}

/**
 * The formula of an edit. Fragments of one key are the same graph; their parameters may differ, and edits that share
 * the very same `parameters` object run together.
 */
export interface Fragment {
  readonly key: string;
  readonly parameters: Readonly<Record<string, FragmentParameter | DeviceParameter>>;
  /**
   * Units of an edit, neighbours in the order of its location, that the formula sees as one vector: `base` and `source`
   * are then [units / joined, joined * width]. Default 1. Not for pair components.
   */
  readonly joined?: number;
  /** @returns a value of the shape of `base` */
  readonly build: (scope: FragmentScope) => Value;
}

export interface FragmentParameter {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** A float32 tensor that its owner keeps on the device of the model: what is being trained stays there. */
export interface DeviceParameter {
  readonly tensor: DeviceTensor;
  readonly shape: readonly number[];
}

const noParameters: Fragment['parameters'] = {};

/** out = source */
export const replace: Fragment = {
  key: 'replace',
  parameters: noParameters,
  build: ({ source }) => {
    if (!source) throw new PlanError('A replacement needs a source.');
    return source;
  },
};

export type Source =
  | {
      readonly kind: 'tensor';
      /** [units, width] row-major, units in the order of the edit's location; for pair components [heads, positions, keys]. */
      readonly data: Float32Array;
    }
  | {
      /** What another row has at a site, in the same layer or an earlier one, after that row's own edits. */
      readonly kind: 'row';
      readonly row: number;
      readonly site: Site;
      /** As many units as the edit's location. */
      readonly location: Location;
    }
  | {
      /** What the row itself has at an earlier component of the same layer, after its edits there, at the edit's location. */
      readonly kind: 'own';
      readonly component: string;
    };

export interface Edit {
  readonly site: Site;
  readonly location: Location;
  readonly fragment: Fragment;
  readonly source?: Source;
}

/** What a model reads in place of tokens, of the shape of its input, row-major. */
interface InputStart {
  readonly kind: 'input';
  readonly data: Float32Array;
}

/** What an encoder reads. */
export type RowSource =
  | {
      readonly kind: 'tokens';
      readonly tokens: readonly number[];
      /** What the stack that reads these tokens reads beside them, where it has an encoder of its own. */
      readonly source?: RowSource;
    }
  | InputStart;

export type RowStart =
  | {
      readonly kind: 'tokens';
      readonly tokens: readonly number[];
      /** In an encoder-decoder, what the encoder reads; the tokens are the decoder's. */
      readonly source?: RowSource;
    }
  | InputStart
  | {
      /**
       * Fork from another row at the entrance of a layer, carrying only the positions from `position` on. Earlier
       * positions, and earlier layers, are the parent's.
       */
      readonly kind: 'fork';
      readonly parent: number;
      readonly layer: number;
      readonly position: number;
    }
  | {
      /**
       * A row of an earlier plan, as `Model.keep` kept it. It does not run: others fork from it, at the layer and the
       * position at which it was kept.
       */
      readonly kind: 'kept';
      readonly kept: KeptRow;
    };

export interface Row {
  readonly start: RowStart;
  /** In the order in which they apply where several touch one site. */
  readonly edits: readonly Edit[];
}

export interface ReductionParameter {
  readonly data: Float32Array | Int32Array;
  readonly shape: readonly number[];
}

/** A reduction of what is read, done on the device: the logits of two tokens instead of the whole vocabulary, say. */
export interface Reduction {
  /**
   * Reductions of one key are the same graph. Their parameters may differ, and reads that share the very same
   * `parameters` object are reduced together.
   */
  readonly key: string;
  readonly parameters?: Readonly<Record<string, ReductionParameter>>;
  /** @param value [units, width] @returns named values whose first axis is `units` */
  readonly build: (value: Value, parameter: (name: string) => Value) => Readonly<Record<string, Value>>;
}

export interface Read {
  readonly row: number;
  readonly site: Site;
  /** For a pair component, the result is [heads, positions, keys]. */
  readonly location: Location;
  /** Not for a pair component. */
  readonly reduction?: Reduction;
}

export interface Plan {
  /** A row's parent and the sources of its edits may stand anywhere in the list, but not in a circle. */
  readonly rows: readonly Row[];
  readonly reads: readonly Read[];
}

export interface ReadTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** One read's result: `value`, or the outputs of its reduction. */
export type ReadResult = Readonly<Record<string, ReadTensor>>;

/** The plan asks for something that the model or the rules of rows do not allow. */
export class PlanError extends Error {
  override readonly name: string = 'PlanError';
}

/** A component was named that the model does not have. */
export class UnknownComponentError extends PlanError {
  override readonly name: string = 'UnknownComponentError';
}
