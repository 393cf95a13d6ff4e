// What an intervention is: a type, which is a formula with parameters, and an instance of it with numbers in them. The
// formula is built inside the graph of a block, so it runs on every backend and can be differentiated there.

import { greater, less, where } from '../onnx/elementwise.ts';
import { constant, type Value } from '../onnx/value.ts';
import type { Fragment, FragmentParameter } from '../runtime/plan/plan.ts';
import { InterventionError } from './interventionError.ts';

export { InterventionError };

export interface TypeScope {
  /** [vectors, width] what passes the site. */
  readonly base: Value;
  /** [vectors, width] what is put there; asking for it where the type has none is an error. */
  readonly source: Value;
  readonly parameter: (name: string) => Value;
  /**
   * The chosen entries of the last axis from `source`, the others from `base`. All are chosen unless the call names
   * subspaces or the intervention has `interchanged` entries.
   */
  readonly swap: (base: Value, source: Value) => Value;
}

/**
 * Where the second operand comes from.
 * - `run`: what another run has at the site, or a constant
 * - `input`: what the same run has at the input of the module whose output the site is
 * - `otherInput`: the same of another run
 * - `made`: numbers that the type makes itself
 * - `none`: there is none
 */
export type SourceKind = 'run' | 'input' | 'otherInput' | 'made' | 'none';

export interface TypeOptions {
  /** Entries of one vector. */
  readonly width: number;
  /** Entries of a vector at the module's input; only for `input`. */
  readonly inputWidth?: number;
  readonly lowRankDimension?: number;
  readonly latentDimension?: number;
  /** Of everything that is drawn at random. */
  readonly seed: number;
}

export type Parameters = Readonly<Record<string, FragmentParameter>>;

export interface InterventionType {
  /** The name of pyvene's class, or of pyreft's. */
  readonly name: string;
  readonly source: SourceKind;
  /** Whether several units of one call are one vector, or one vector each that share the formula. */
  readonly units: 'joined' | 'separate';
  readonly isTrainable: boolean;
  /** What reads, and does not change, is no edit. */
  readonly isCollect?: boolean;
  /** Entries that subspaces choose from; undefined where the type takes none. */
  readonly subspaceWidth?: (width: number, parameters: Parameters) => number;
  /** Names of options that must be given. */
  readonly needs?: readonly ('lowRankDimension' | 'latentDimension')[];
  /** Parameters whose columns are orthonormal: the formula is what it says for no others. */
  readonly orthonormal?: readonly string[];
  /** Fresh parameters, by name. @throws InterventionError when they only come from outside */
  readonly initial: (options: TypeOptions) => Parameters;
  /** The shapes that parameters must have: `width` is that of a vector, another name a size of the instance's own. */
  readonly shapes: Readonly<Record<string, readonly (1 | string)[]>>;
  /** @returns [vectors, width] */
  readonly build: (scope: TypeScope) => Value;
  /** For `made`: [positions, width], the same for every head. */
  readonly make?: (positions: number, width: number) => Float32Array;
}

export interface Intervention {
  readonly type: InterventionType;
  /** Entries of one vector that it acts on. */
  readonly width: number;
  readonly parameters: Parameters;
  /** Entries that are interchanged where a call names no subspaces; default all. */
  readonly interchanged?: readonly number[];
}

/** Zeros in the shape of a value, whatever stands in it: a product with 0 would keep what is not finite. */
export const zerosLike = (value: Value): Value => where(less(value, value), value, constant(0));

export const none: Parameters = {};
export const sameWidth = (width: number): number => width;
export const noParameters = () => none;

/** A parameter filled with one number. */
export function filled(value: number, ...shape: readonly number[]): FragmentParameter {
  const count = shape.reduce((product, size) => product * size, 1);
  return { data: new Float32Array(count).fill(value), shape };
}

/** The size that a named dimension of the type's shapes has in an instance. */
export function sizeIn(parameters: Parameters, name: string, axis: number): number {
  return parameters[name]?.shape[axis] ?? 0;
}

/**
 * An instance with parameters from outside.
 * @param label for messages, such as `representations.0`
 * @throws InterventionError that names the parameter, its shape and the expected one
 */
export function checkParameters(type: InterventionType, width: number, given: Parameters, label: string) {
  const named = new Map([['width', width]]);
  const { shapes } = type;
  for (const [name, shape] of Object.entries(shapes)) {
    const parameter = given[name];
    if (!parameter) {
      throw new InterventionError(
        `${label}: the ${type.name} misses its parameter '${name}'. It has: ${Object.keys(shapes).join(', ')}.`,
      );
    }
    const expected = shape.map((size, axis) => {
      if (typeof size === 'number') return size;
      const found = named.get(size) ?? parameter.shape[axis] ?? 0;
      named.set(size, found);
      return found;
    });
    const count = expected.reduce((product, size) => product * size, 1);
    const fits =
      parameter.shape.length === expected.length &&
      expected.every((size, axis) => size === parameter.shape[axis]) &&
      parameter.data.length === count;
    if (!fits) {
      throw new InterventionError(
        `${label}: the parameter '${name}' of the ${type.name} has shape [${parameter.shape.join(', ')}]; expected is [${expected.join(', ')}] for a width of ${width}.`,
      );
    }
  }
  const unknown = Object.keys(given).find((name) => !(name in shapes));
  if (unknown !== undefined) {
    throw new InterventionError(
      `${label}: the ${type.name} has no parameter '${unknown}'. It has: ${Object.keys(shapes).join(', ') || 'none'}.`,
    );
  }
}

/** Entries that subspaces choose from. @throws InterventionError for a type that takes none */
export function subspaceWidth({ type, width, parameters }: Intervention, label: string): number {
  if (!type.subspaceWidth)
    throw new InterventionError(
      `${label}: a ${type.name} learns how much of each entry it interchanges, and takes no subspaces.`,
    );
  return type.subspaceWidth(width, parameters);
}

// Edits run together only when they share the very same parameters, so a fragment is made once for each use of one.
const fragments = new WeakMap<Intervention, Map<string, Fragment>>();

/**
 * The formula of an intervention as a part of a block's graph.
 * @param joined units of the call that are one vector
 * @param subspace entries that are chosen; default all, or the instance's own
 */
export function fragmentOf(
  intervention: Intervention,
  joined = 1,
  subspace: readonly number[] | undefined = intervention.interchanged,
): Fragment {
  const made = fragments.get(intervention) ?? new Map<string, Fragment>();
  fragments.set(intervention, made);
  const key = `${joined} ${subspace?.join(' ') ?? 'all'}`;
  const found = made.get(key);
  if (found) return found;
  const fragment = makeFragment(intervention, joined, subspace);
  made.set(key, fragment);
  return fragment;
}

function makeFragment(
  { type, width, parameters }: Intervention,
  joined: number,
  subspace: readonly number[] | undefined,
): Fragment {
  const size = type.subspaceWidth?.(width, parameters) ?? width;
  const chosen = new Float32Array(size);
  for (const entry of subspace ?? []) chosen[entry] = 1;
  const own: Parameters = subspace
    ? { ...parameters, chosen: { data: chosen, shape: [size] } }
    : // A new object: instances of one type without parameters are told apart by nothing else.
      { ...parameters };
  return {
    key: `${type.name}${subspace ? ' in a subspace' : ''}`,
    joined,
    parameters: own,
    build: ({ base, source, parameter }) =>
      type.build({
        base,
        get source() {
          if (source) return source;
          throw new InterventionError(`A ${type.name} needs a source.`);
        },
        parameter,
        swap: (b, s) => (subspace ? where(greater(parameter('chosen'), constant(0.5)), s, b) : s),
      }),
  };
}
