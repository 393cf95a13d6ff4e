// What is asked of the gradients of a file's rows: an objective, which is a sum of formulas of some entries of tensors, and
// the tensors at which its slope is wanted, or the formulas of edits whose parameters it is wanted of.

import type { Value } from '../../onnx/value.ts';
import type { PlanRow, TensorEdit } from '../plan.ts';
import type { Tensor } from '../tensor.ts';

/** Numbers of units: float32, row-major. */
export interface Units {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface ObjectiveTerm {
  readonly tensor: string;
  /** Which of its entries, counted row-major; and how they lie as units. */
  readonly entries: Int32Array;
  readonly shape: readonly number[];
  /** Formulas of one key are the same graph. */
  readonly key: string;
  /** @returns float32 [units] */
  readonly build: (value: Value, perUnit: (name: string) => Value) => Value;
  readonly perUnit: Readonly<Record<string, Tensor>>;
  /** Factor of each unit in the sum. */
  readonly weight: number;
}

/** How an edit's numbers are computed of what the row has there. */
export interface EditFormula {
  readonly key: string;
  /** What the row has there before the edit. */
  readonly base: Units;
  readonly source?: Units;
  /** A tensor of the same row that the source is of. */
  readonly ownSource?: string;
  readonly parameters: Readonly<Record<string, Tensor>>;
  readonly build: (base: Value, source: Value | undefined, parameter: (name: string) => Value) => Value;
  /** Gradients of its parameters are wanted. */
  readonly isWanted: boolean;
}

/** An edit of entries by numbers. */
export interface NumbersEdit extends TensorEdit {
  readonly entries: Int32Array;
  readonly value: { readonly kind: 'numbers'; readonly numbers: Float32Array };
}

export interface GradientRow extends PlanRow {
  /** Tensors at which the gradient is wanted, after the row's own edits. */
  readonly at: readonly string[];
  readonly terms: readonly ObjectiveTerm[];
  /** Of edits of this row. */
  readonly formulas: ReadonlyMap<TensorEdit, EditFormula>;
}

export interface RowGradients {
  /** What the row reads, by the names that were asked for. */
  readonly reads: Readonly<Record<string, Tensor>>;
  /** By the names of `at`; of a tensor that the objective does not depend on, zeros. */
  readonly at: Readonly<Record<string, Units>>;
  /** For each term what its formula gives, without the weight. */
  readonly terms: readonly Float32Array[];
  readonly parameters: ReadonlyMap<TensorEdit, Readonly<Record<string, Units>>>;
}
