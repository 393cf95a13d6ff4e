// Operators whose sizes follow from numbers, and loops. Only a processor runs them: on WebGPU there are no kernels for
// them, or onnxruntime-web computes their control on the processor. They have no gradients. So a graph that uses them has
// a form without.

import { sameShape } from './dimension.ts';
import {
  apply,
  applyMany,
  type Dimension,
  describeValue,
  expectDtype,
  input,
  resolveAxis,
  ShapeError,
  sizeAt,
  type Value,
} from './value.ts';

/** ONNX's number for int64. */
const int64 = 7;

/**
 * Where a matrix is not zero, row by row: the column of each such entry.
 * @param x     [rows, columns]
 * @param count of these entries
 * @returns     int64 [count]
 */
export function columnsOfNonZero(x: Value, count: Dimension): Value {
  expectDtype('NonZero', x, 'float32', 'int32');
  if (x.shape.length !== 2) throw new ShapeError(`NonZero: ${describeValue(x)} is no matrix`);
  const places = apply('NonZero', [x], {}, 'int64', [2, count]);
  const column: Value = {
    dtype: 'int64',
    shape: [],
    origin: { kind: 'constant', data: BigInt64Array.of(1n) },
  };
  return apply('Gather', [places, column], { axis: 0 }, 'int64', [count]);
}

/**
 * A value cut along an axis into parts of sizes that were computed.
 * @param sizes float32, whole numbers, [parts]
 * @param names of the sizes, one for each part: no two sizes of a graph may share one
 */
export function splitBySizes(
  x: Value,
  axis: number,
  sizes: Value,
  names: readonly string[],
): readonly Value[] {
  const at = resolveAxis('Split', x, axis);
  if (sizes.shape.length !== 1 || sizeAt(sizes.shape, 0) !== names.length)
    throw new ShapeError(`Split: ${names.length} parts do not fit sizes ${describeValue(sizes)}`);
  const whole = apply('Cast', [sizes], { to: int64 }, 'int64', sizes.shape);
  const parts = names.map((name) => ({
    dtype: x.dtype,
    shape: x.shape.map((size, i) => (i === at ? name : size)),
  }));
  return applyMany('Split', [x, whole], { axis: at }, parts);
}

export interface Loop {
  /** States before the first step. */
  readonly initial: readonly Value[];
  /** Cut along `axis`: each step is given an entry of each. */
  readonly sequences: readonly Value[];
  readonly axis: number;
  /** @returns the states after the step, of the shapes of those before it, and what it puts out */
  readonly step: (
    states: readonly Value[],
    entries: readonly Value[],
  ) => { readonly states: readonly Value[]; readonly outputs: readonly Value[] };
}

/** Take a step for each entry of some sequences. @returns what the steps put out, joined along the axis of the sequences */
export function scan({ initial, sequences, axis, step }: Loop): readonly Value[] {
  const [first] = sequences;
  if (!first) throw new ShapeError('Scan: there is no sequence to go along');
  const length = sizeAt(first.shape, axis);
  const entryOf = ({ dtype, shape }: Value, place: number): Value =>
    input(
      `entry${place}`,
      dtype,
      shape.filter((_, i) => i !== axis),
    );
  const states = initial.map(({ dtype, shape }, place) => input(`state${place}`, dtype, shape));
  const entries = sequences.map(entryOf);
  const { states: next, outputs } = step(states, entries);
  const odd = sequences.find(({ shape }) => sizeAt(shape, axis) !== length);
  if (odd) throw new ShapeError(`Scan: ${describeValue(odd)} is not as long as ${describeValue(first)}`);
  const changed = initial.find(({ shape }, place) => !sameShape(shape, next[place]?.shape ?? []));
  if (changed || next.length !== initial.length)
    throw new ShapeError(`Scan: a step does not give back the states that it takes`);
  const stacked = outputs.map(({ dtype, shape }) => ({
    dtype,
    shape: [...shape.slice(0, axis), length, ...shape.slice(axis)],
  }));
  const made = applyMany(
    'Scan',
    [...initial, ...sequences],
    {
      num_scan_inputs: sequences.length,
      scan_input_axes: sequences.map(() => axis),
      scan_output_axes: outputs.map(() => axis),
      body: { body: { inputs: [...states, ...entries], outputs: [...next, ...outputs] } },
    },
    [...initial.map(({ dtype, shape }) => ({ dtype, shape })), ...stacked],
  );
  return made.slice(initial.length);
}
