// What is to be differentiated, and with respect to what: an objective is a sum of terms, each a number for every unit
// that it reads. Gradients are asked for at sites, and of the parameters of edits.

import type { Value } from '../../onnx/value.ts';
import type { Fragment, Location, Read, ReadResult, ReadTensor, Row, Site } from '../plan/plan.ts';

export interface ObjectiveScope {
  /** [units, width]: what passes the site. */
  readonly value: Value;
  /** [units, width] numbers that the term gives for each unit: a label, a target. */
  readonly perUnit: (name: string) => Value;
}

/** The formula of a term. Objectives of one key are the same graph. */
export interface Objective {
  readonly key: string;
  /** @returns float32 [units] */
  readonly build: (scope: ObjectiveScope) => Value;
}

export interface PerUnit {
  /** [units, width] row-major, units in the order of the term's location. */
  readonly data: Float32Array | Int32Array;
  readonly width: number;
}

export interface Term {
  readonly row: number;
  readonly site: Site;
  /** Not of a pair component. */
  readonly location: Location;
  readonly objective: Objective;
  readonly perUnit?: Readonly<Record<string, PerUnit>>;
  /** Factor of each of its units in the sum; default 1. */
  readonly weight?: number;
}

export interface Place {
  readonly row: number;
  readonly site: Site;
  readonly location: Location;
}

export interface GradientPlan {
  readonly rows: readonly Row[];
  /** objective = Σ over terms of weight · Σ over units of what the term's formula gives */
  readonly terms: readonly Term[];
  /** Read in the forward pass, as in a plan. */
  readonly reads?: readonly Read[];
  /** Sites at which the gradient is wanted: of what leaves them, after the row's own edits. */
  readonly at?: readonly Place[];
  /** Parameters of edits, by the very objects that the fragments hold. */
  readonly of?: readonly Fragment['parameters'][];
}

export interface GradientResult {
  readonly objective: number;
  /** What each term's formula gives for its units, without the weight. */
  readonly terms: readonly Float32Array[];
  readonly reads: readonly ReadResult[];
  /** For each of `at`: [units, width], or [heads, positions, keys] of a pair component. */
  readonly at: readonly ReadTensor[];
  /** For each of `of`, by name, in the parameter's shape; empty when they were taken on the device. */
  readonly of: readonly Readonly<Record<string, ReadTensor>>[];
}
