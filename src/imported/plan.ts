// What is asked of an imported model: rows, which are inputs under edits, and the tensors to read of each.

import type { Value } from '../onnx/value.ts';
import type { NamedTensors } from './runtime.ts';
import type { Tensor } from './tensor.ts';

/** Places along one axis; of all other axes, everything. */
export interface Places {
  readonly axis: number;
  readonly indices: readonly number[];
}

/** What is put in. */
export type EditValue =
  | { readonly kind: 'number'; readonly value: number }
  /** Of the tensor's shape, or of that of the places. */
  | { readonly kind: 'tensor'; readonly tensor: Tensor }
  /** A tensor of another row of the plan, after that row's own edits; places or entries one for one, default the same. */
  | {
      readonly kind: 'row';
      readonly row: number;
      readonly tensor?: string;
      readonly indices?: readonly number[];
      readonly entries?: Int32Array;
    }
  /** Numbers for single entries, one for one. */
  | { readonly kind: 'numbers'; readonly numbers: Float32Array }
  /** A formula of the tensor itself, of operators that mean the same in all versions. */
  | { readonly kind: 'formula'; readonly name: string; readonly build: (base: Value) => Value };

export interface TensorEdit {
  readonly tensor: string;
  /** Absent: all of it. */
  readonly places?: Places;
  /** Or single entries of the tensor, counted row-major. */
  readonly entries?: Int32Array;
  readonly value: EditValue;
}

export interface PlanRow {
  /** Rows with the same object share all that comes before their edits. */
  readonly inputs: NamedTensors;
  readonly edits: readonly TensorEdit[];
  readonly reads: readonly string[];
}

/** What is asked for cannot be done; the message says why. */
export class SiteError extends Error {
  override readonly name = 'SiteError';
}
