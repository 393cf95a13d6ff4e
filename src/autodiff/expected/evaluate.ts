// Evaluates a graph in float64, straight from the definitions of the operators: what the tests of reverse mode take finite
// differences of. It knows nothing of gradients and is written for clarity alone.

import { graph } from '../../onnx/graph.ts';
import type { Operation, Value } from '../../onnx/value.ts';
import { convolve, largestOfWindows, spread, type Tensor } from './evaluateWindows.ts';

export type { Tensor };

const countOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** A tensor from a function of the places along its axes. */
function make(shape: readonly number[], entry: (at: readonly number[]) => number): Tensor {
  const data = new Float64Array(countOf(shape));
  const at = shape.map(() => 0);
  for (let i = 0; i < data.length; i++) {
    data[i] = entry(at);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at[axis] = (at[axis] ?? 0) + 1;
      if ((at[axis] ?? 0) < (shape[axis] ?? 1)) break;
      at[axis] = 0;
    }
  }
  return { shape, data };
}

/** The entry at a place; leading axes that the tensor lacks, and axes of size 1, are repeated. */
function entryAt({ shape, data }: Tensor, at: readonly number[]): number {
  const skip = at.length - shape.length;
  const place = shape.reduce((sum, size, axis) => sum * size + (size === 1 ? 0 : (at[axis + skip] ?? 0)), 0);
  return data[place] ?? Number.NaN;
}

function broadcast(shapes: readonly (readonly number[])[]): readonly number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) =>
    Math.max(...shapes.map((shape) => shape[axis - rank + shape.length] ?? 1)),
  );
}

/** Abramowitz and Stegun's series for erf: enough terms for float64 at the arguments of the tests. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const geluTanh = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

const entrywise: Readonly<Record<string, (...entries: number[]) => number>> = {
  Add: (a = 0, b = 0) => a + b,
  Sub: (a = 0, b = 0) => a - b,
  Mul: (a = 0, b = 0) => a * b,
  Div: (a = 0, b = 0) => a / b,
  Max: Math.max,
  Min: Math.min,
  Pow: (a = 0, b = 0) => a ** b,
  Less: (a = 0, b = 0) => Number(a < b),
  LessOrEqual: (a = 0, b = 0) => Number(a <= b),
  Greater: (a = 0, b = 0) => Number(a > b),
  GreaterOrEqual: (a = 0, b = 0) => Number(a >= b),
  Equal: (a = 0, b = 0) => Number(a === b),
  And: (a = 0, b = 0) => Number(a !== 0 && b !== 0),
  Not: (a = 0) => Number(a === 0),
  Where: (c = 0, a = 0, b = 0) => (c === 0 ? b : a),
  Sqrt: Math.sqrt,
  Exp: Math.exp,
  Log: Math.log,
  Erf: (x = 0) => erf(x),
  Tanh: Math.tanh,
  Sigmoid: (x = 0) => sigmoid(x),
  Relu: (x = 0) => Math.max(0, x),
  Softplus: (x = 0) => Math.log1p(Math.exp(x)),
  Reciprocal: (x = 0) => 1 / x,
  Sin: Math.sin,
  Cos: Math.cos,
  Neg: (x = 0) => -x,
  Abs: Math.abs,
  Identity: (x = 0) => x,
};

const without = (at: readonly number[], axes: readonly number[]) =>
  at.filter((_, axis) => !axes.includes(axis));

/** Entries of x along the axes of a reduction, for each place of the rest. */
function reduce(x: Tensor, axes: readonly number[], keep: boolean, combine: (entries: number[]) => number) {
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const over = axes.map((axis) => x.shape[axis] ?? 1);
  const full = make(kept, (at) => {
    const entries = make(over, (inner) =>
      entryAt(
        x,
        at.map((place, axis) => (axes.includes(axis) ? (inner[axes.indexOf(axis)] ?? 0) : place)),
      ),
    );
    return combine([...entries.data]);
  });
  return keep ? full : { shape: without(kept, axes), data: full.data };
}

const sum = (entries: readonly number[]) => entries.reduce((a, b) => a + b, 0);
const combiners: Readonly<Record<string, (entries: number[]) => number>> = {
  ReduceSum: sum,
  ReduceMean: (entries) => sum(entries) / entries.length,
  ReduceMax: (entries) => Math.max(...entries),
  ReduceMin: (entries) => Math.min(...entries),
  ReduceLogSumExp: (entries) => Math.log(sum(entries.map(Math.exp))),
};

/** The row of the last axis that a place lies in. */
const rowAt = (x: Tensor, at: readonly number[]): number[] =>
  Array.from({ length: x.shape.at(-1) ?? 1 }, (_, i) => entryAt(x, [...at.slice(0, -1), i]));

function normalize(inputs: readonly Tensor[], epsilon: number, isCentred: boolean): Tensor {
  const [x, weight, bias] = inputs;
  if (!x || !weight) throw new Error('A normalisation has two inputs.');
  return make(x.shape, (at) => {
    const row = rowAt(x, at);
    const mean = isCentred ? sum(row) / row.length : 0;
    const variance = sum(row.map((v) => (v - mean) ** 2)) / row.length;
    const last = [at.at(-1) ?? 0];
    const scaled = ((entryAt(x, at) - mean) / Math.sqrt(variance + epsilon)) * entryAt(weight, last);
    return scaled + (bias ? entryAt(bias, last) : 0);
  });
}

/** A matrix product of two accessors over `inner` places. */
const dot = (inner: number, a: (i: number) => number, b: (i: number) => number) =>
  sum(Array.from({ length: inner }, (_, i) => a(i) * b(i)));

function apply(operation: Operation, inputs: readonly Tensor[], shape: readonly number[]): Tensor {
  const { op, attributes } = operation;
  const input = (index: number): Tensor => {
    const found = inputs[index];
    if (!found) throw new Error(`${op} has no input ${index}.`);
    return found;
  };
  const numberOf = (name: string) => Number(attributes[name] ?? 0);
  const x = input(0);
  const axis = numberOf('axis') < 0 ? numberOf('axis') + x.shape.length : numberOf('axis');
  const along = (at: readonly number[], on: number, place: number) =>
    at.map((p, i) => (i === on ? place : p));
  const f = entrywise[op];
  if (f) return make(broadcast(inputs.map((t) => t.shape)), (at) => f(...inputs.map((t) => entryAt(t, at))));
  const combine = combiners[op];
  if (combine) return reduce(x, [...input(1).data], numberOf('keepdims') === 1, combine);
  switch (op) {
    case 'Cast':
      return {
        shape: x.shape,
        data:
          numberOf('to') === 9
            ? x.data.map((v) => Number(v !== 0))
            : x.data.map(numberOf('to') === 6 ? Math.trunc : (v) => v),
      };
    case 'Gelu':
      return make(x.shape, (at) => {
        const v = entryAt(x, at);
        return attributes.approximate === 'tanh' ? geluTanh(v) : 0.5 * v * (1 + erf(v / Math.SQRT2));
      });
    case 'Reshape':
    case 'Unsqueeze':
    case 'Squeeze': {
      if (op !== 'Reshape') return { shape, data: x.data };
      const wanted = [...input(1).data].map((size, i) => (size === 0 ? (x.shape[i] ?? 1) : size));
      const known = countOf(wanted.filter((size) => size !== -1));
      return { shape: wanted.map((size) => (size === -1 ? x.data.length / known : size)), data: x.data };
    }
    case 'Transpose': {
      const perm = attributes.perm as readonly number[]; // As layout.ts writes it.
      const moved = perm.map((from) => x.shape[from] ?? 1);
      return make(moved, (at) =>
        entryAt(
          x,
          perm.map((_, i) => at[perm.indexOf(i)] ?? 0),
        ),
      );
    }
    case 'Concat': {
      const starts = inputs.map((_, i) => sum(inputs.slice(0, i).map((t) => t.shape[axis] ?? 0)));
      const size = sum(inputs.map((t) => t.shape[axis] ?? 0));
      return make(along(x.shape, axis, size), (at) => {
        const part = starts.findLastIndex((start) => start <= (at[axis] ?? 0));
        return entryAt(input(part), along(at, axis, (at[axis] ?? 0) - (starts[part] ?? 0)));
      });
    }
    case 'Slice': {
      const [from = 0, to = 0, on = 0] = [input(1).data[0], input(2).data[0], input(3).data[0]];
      return make(along(x.shape, on, to - from), (at) => entryAt(x, along(at, on, (at[on] ?? 0) + from)));
    }
    case 'Gather': {
      const index = input(1);
      const rank = index.shape.length;
      const gathered = [...x.shape.slice(0, axis), ...index.shape, ...x.shape.slice(axis + 1)];
      return make(gathered, (at) =>
        entryAt(x, [
          ...at.slice(0, axis),
          entryAt(index, at.slice(axis, axis + rank)),
          ...at.slice(axis + rank),
        ]),
      );
    }
    case 'GatherElements':
      return make(input(1).shape, (at) => entryAt(x, along(at, axis, entryAt(input(1), at))));
    case 'Softmax':
      return make(x.shape, (at) => {
        const row = Array.from({ length: x.shape[axis] ?? 1 }, (_, i) => entryAt(x, along(at, axis, i)));
        return Math.exp(entryAt(x, at)) / sum(row.map(Math.exp));
      });
    case 'LayerNormalization':
    case 'RMSNormalization': {
      const { epsilon } = attributes;
      const value = typeof epsilon === 'object' && 'float' in epsilon ? epsilon.float : 0;
      return normalize(inputs, value, op === 'LayerNormalization');
    }
    case 'TopK': {
      const count = input(1).data[0] ?? 1;
      return make([...x.shape.slice(0, -1), count], (at) => {
        return rowAt(x, at).sort((a, b) => b - a)[at.at(-1) ?? 0] ?? Number.NaN;
      });
    }
    case 'CumSum': {
      const on = input(1).data[0] ?? 0;
      const size = x.shape[on] ?? 1;
      return make(x.shape, (at) => {
        const here = at[on] ?? 0;
        const isIn = (i: number) => (numberOf('reverse') === 1 ? i >= here : i <= here);
        return sum(Array.from({ length: size }, (_, i) => (isIn(i) ? entryAt(x, along(at, on, i)) : 0)));
      });
    }
    case 'MatMul': {
      const b = input(1);
      const lead = broadcast([x.shape.slice(0, -2), b.shape.slice(0, -2)]);
      return make([...lead, x.shape.at(-2) ?? 1, b.shape.at(-1) ?? 1], (at) => {
        const [before, row, column] = [at.slice(0, -2), at.at(-2) ?? 0, at.at(-1) ?? 0];
        const a = (i: number) => entryAt(x, [...before, row, i].slice(-x.shape.length));
        return dot(x.shape.at(-1) ?? 1, a, (i) => entryAt(b, [...before, i, column].slice(-b.shape.length)));
      });
    }
    case 'Gemm': {
      const [b, bias] = [input(1), inputs[2]];
      const [ta, tb] = [numberOf('transA') === 1, numberOf('transB') === 1];
      const [m = 1, k = 1] = ta ? [...x.shape].reverse() : x.shape;
      const [n = 1] = tb ? b.shape : [...b.shape].reverse();
      return make([m, n], ([row = 0, column = 0]) => {
        const a = (i: number) => entryAt(x, ta ? [i, row] : [row, i]);
        const product = dot(k, a, (i) => entryAt(b, tb ? [column, i] : [i, column]));
        return product + (bias ? entryAt(bias, [column]) : 0);
      });
    }
    case 'Conv':
      return convolve(operation, x, input(1), inputs[2]);
    case 'ConvTranspose':
      return spread(operation, x, input(1));
    case 'MaxPool':
      return largestOfWindows(operation, x);
    default:
      throw new Error(`The evaluator of the tests does not know '${op}'.`);
  }
}

/** The sizes that stand for the names of a shape; a squeezed or unsqueezed axis needs only those of its input. */
function shapeOf(operation: Operation, inputs: readonly Tensor[]): readonly number[] {
  const [x, axes] = inputs;
  if (operation.op === 'Squeeze') return without(x?.shape ?? [], [...(axes?.data ?? [])]);
  if (operation.op !== 'Unsqueeze') return [];
  const shape = [...(x?.shape ?? [])];
  for (const axis of [...(axes?.data ?? [])].sort((a, b) => a - b)) shape.splice(axis, 0, 1);
  return shape;
}

/** The values of `outputs`, given the graph's inputs by name. */
export function evaluate(
  outputs: Readonly<Record<string, Value>>,
  inputs: Readonly<Record<string, Tensor>>,
): Readonly<Record<string, Tensor>> {
  const { operations, outputs: named } = graph(outputs);
  const known = new Map<Value, Tensor>();
  const tensorOf = (value: Value): Tensor => {
    const { origin } = value;
    if (origin.kind === 'constant')
      return { shape: value.shape.map(Number), data: Float64Array.from(origin.data, Number) };
    const found = origin.kind === 'input' ? inputs[origin.name] : known.get(value);
    if (!found) throw new Error(origin.kind === 'input' ? `No input '${origin.name}'.` : 'Not computed.');
    return found;
  };
  for (const operation of operations) {
    const given = operation.inputs.map(tensorOf);
    const [first] = operation.outputs;
    if (first) known.set(first, apply(operation, given, shapeOf(operation, given)));
  }
  return Object.fromEntries([...named].map(([name, value]) => [name, tensorOf(value)]));
}
