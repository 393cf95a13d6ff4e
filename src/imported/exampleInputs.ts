// Inputs to try a model with: which axes are free, which of them grow together, and tensors of any sizes. Names are hints;
// what holds is found by running.

import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { quoted } from '../messages/wording.ts';
import { standardNormal, uniformStream } from '../random/noise.ts';
import { integerOf } from './attributes.ts';
import type { DeclaredSize, OnnxNode, ValueInfo, Weight } from './onnxFile.ts';
import type { NormalGraph } from './piece.ts';
import type { NamedTensors } from './runtime.ts';
import {
  bytesOf,
  bytesPerElement,
  isFloat,
  sizeOf,
  stridesOf,
  type Tensor,
  tensorFrom,
  tensorOfBytes,
} from './tensor.ts';

export interface AxisOf {
  readonly input: string;
  readonly axis: number;
}

/** Axes of inputs that have one size. */
export interface SizeGroup {
  readonly name: string;
  readonly axes: readonly AxisOf[];
  /** Its size is that of two others together: a mask over a cache and what comes after it. */
  readonly sumOf?: readonly [string, string];
}

export const batchName = 'batch';

/** Sizes by the name of the group. */
export type Sizes = Readonly<Record<string, number>>;

/** Names of sizes that writers invent, which say nothing. */
const meaningless = /^(s\d+|unk.*|dynamic.*|dim_?\d+|.*[^\w ].*)$/i;

function groupName({ name, shape }: ValueInfo, axis: number): string {
  const declared = shape?.[axis];
  if (axis === 0) return batchName;
  if (typeof declared === 'string' && !meaningless.test(declared)) return declared;
  return /ids|mask/.test(name) ? 'sequence' : `${name} axis ${axis}`;
}

function requireTensor(info: ValueInfo): readonly DeclaredSize[] {
  const { name, dtype, shape } = info;
  if (dtype === undefined)
    throw new CheckpointError(
      `Input ${quoted(name)} holds ${info.typeName}. Patchbay feeds numbers: give a file that starts after that.`,
    );
  if (shape === undefined)
    throw new CheckpointError(
      `Input ${quoted(name)} (${dtype}) does not say how many axes it has. Give an example of it.`,
    );
  return shape;
}

/**
 * One group for each free axis; one for axis 0 of all inputs, and one for axes whose sizes have one name in the file.
 * @throws CheckpointError for inputs that are no tensors
 */
export function initialGroups(inputs: readonly ValueInfo[]): readonly SizeGroup[] {
  const groups: { name: string; axes: AxisOf[] }[] = [];
  const declaredNames = new Map<string, { name: string; axes: AxisOf[] }>();
  for (const info of inputs) {
    for (const [axis, size] of requireTensor(info).entries()) {
      if (typeof size === 'number') continue;
      const isFirst = axis === 0 && groups.some(({ name }) => name === batchName);
      const known = isFirst
        ? groups.find(({ name }) => name === batchName)
        : size === undefined
          ? undefined
          : declaredNames.get(size);
      if (known) {
        known.axes.push({ input: info.name, axis });
        if (size !== undefined && !declaredNames.has(size)) declaredNames.set(size, known);
        continue;
      }
      const wanted = groupName(info, axis);
      const isTaken = groups.some(({ name }) => name === wanted);
      const group = {
        name: isTaken ? `${wanted} of ${info.name}` : wanted,
        axes: [{ input: info.name, axis }],
      };
      groups.push(group);
      if (size !== undefined) declaredNames.set(size, group);
    }
  }
  return groups;
}

/** Two groups as one, under the first's name. */
export function joinGroups(groups: readonly SizeGroup[], a: string, b: string): readonly SizeGroup[] {
  const other = groups.find(({ name }) => name === b);
  return groups
    .filter(({ name }) => name !== b)
    .map((group) => (group.name === a ? { ...group, axes: [...group.axes, ...(other?.axes ?? [])] } : group));
}

/** The depth of a OneHot, which is a weight of one number; 2 where it is none, since an index below that is within any. */
function oneHotDepth(depth: Weight | undefined): number {
  if (depth?.place.kind !== 'memory' || sizeOf(depth.shape) !== 1) return 2;
  return Number(tensorOfBytes(depth.dtype, depth.shape, depth.place.bytes).data[0] ?? 2);
}

/** Operators that hand indices on as they are. */
const passing = new Set(['Cast', 'Reshape', 'Unsqueeze', 'Squeeze', 'Identity', 'Flatten', 'Transpose']);

interface TableRead {
  readonly node: OnnxNode;
  readonly rows: number;
}

/** Where an input indexes tables: in memory, or as ones and zeros. */
export function tableReads(graph: NormalGraph, input: string): readonly TableRead[] {
  const names = new Set([input]);
  const reads: TableRead[] = [];
  for (const node of graph.nodes) {
    const [first = '', second = ''] = node.inputs;
    if (passing.has(node.op) && names.has(first)) for (const name of node.outputs) names.add(name);
    if (node.op === 'OneHot' && names.has(first)) {
      reads.push({ node, rows: oneHotDepth(graph.weights.get(second)) });
    }
    const table = node.op === 'Gather' && names.has(second) ? graph.weights.get(first) : undefined;
    if (table) reads.push({ node, rows: table.shape.at(integerOf(node, 'axis') ?? 0) ?? 1 });
  }
  return reads;
}

/** Rows of the smallest table that an input indexes; undefined where it indexes none. */
export function tableRows(graph: NormalGraph, input: string): number | undefined {
  const rows = tableReads(graph, input).map((read) => read.rows);
  return rows.length === 0 ? undefined : Math.min(...rows);
}

/** A larger or smaller copy of a tensor: along each axis its places again and again. */
function tiled(tensor: Tensor, shape: readonly number[]): Tensor {
  const width = bytesPerElement(tensor.dtype);
  const from = bytesOf(tensor);
  const strides = stridesOf(shape);
  const own = stridesOf(tensor.shape);
  const result = new Uint8Array(sizeOf(shape) * width);
  for (let index = 0; index < sizeOf(shape); index++) {
    let at = 0;
    for (let axis = 0; axis < shape.length; axis++) {
      const place = Math.floor(index / (strides[axis] ?? 1)) % (shape[axis] ?? 1);
      at += (place % (tensor.shape[axis] ?? 1)) * (own[axis] ?? 1);
    }
    result.set(from.subarray(at * width, (at + 1) * width), index * width);
  }
  return tensorOfBytes(tensor.dtype, shape, result);
}

/** The size of a group, one that is a sum included. */
const sizeIn = ({ name, sumOf }: SizeGroup, sizes: Sizes): number =>
  sumOf ? (sizes[sumOf[0]] ?? 0) + (sizes[sumOf[1]] ?? 0) : (sizes[name] ?? 1);

/**
 * Rows that are repetitions of an example's, each turned by some entries and of floats smaller: rows that are equal, or have one
 * largest number, would hide that they know of each other.
 */
function withOtherRows(tensor: Tensor, given: number): Tensor {
  const [rows = 1] = tensor.shape;
  if (tensor.shape.length < 2 || rows <= given) return tensor;
  const width = bytesPerElement(tensor.dtype);
  const bytes = Uint8Array.from(bytesOf(tensor));
  const rowBytes = bytes.length / rows;
  for (let row = given; row < rows; row++) {
    const own = bytes.slice(row * rowBytes, (row + 1) * rowBytes);
    const turn = rowBytes === 0 ? 0 : (Math.floor(row / given) * width) % rowBytes;
    bytes.set(own.subarray(turn), row * rowBytes);
    bytes.set(own.subarray(0, turn), (row + 1) * rowBytes - turn);
  }
  const turned = tensorOfBytes(tensor.dtype, tensor.shape, bytes);
  const { data } = turned;
  const each = data.length / rows;
  if (data instanceof Float32Array)
    for (let at = given * each; at < data.length; at++) data[at] = 0.75 * (data[at] ?? 0);
  return turned;
}

/** Makes inputs of given sizes, of a person's example or of random numbers; the same for the same sizes. */
export class ExampleMaker {
  readonly #graph: NormalGraph;
  readonly #example: NamedTensors;

  constructor(graph: NormalGraph, example: NamedTensors) {
    this.#graph = graph;
    this.#example = example;
  }

  shapeOf(info: ValueInfo, groups: readonly SizeGroup[], sizes: Sizes): readonly number[] {
    const example = this.#example[info.name];
    const rank = example?.shape ?? info.shape ?? [];
    return rank.map((declared, axis) => {
      const group = groups.find(({ axes }) => axes.some((at) => at.input === info.name && at.axis === axis));
      if (group) return sizeIn(group, sizes);
      return typeof declared === 'number' ? declared : (example?.shape[axis] ?? 1);
    });
  }

  make(groups: readonly SizeGroup[], sizes: Sizes): NamedTensors {
    return Object.fromEntries(
      this.#graph.inputs.map((info, index) => {
        const shape = this.shapeOf(info, groups, sizes);
        const example = this.#example[info.name];
        if (example) return [info.name, withOtherRows(tiled(example, shape), example.shape[0] ?? 1)];
        const dtype = info.dtype ?? 'float32';
        const seed = 1000 + index;
        if (isFloat(dtype)) {
          const drawn = standardNormal(seed, sizeOf(shape));
          return [info.name, tensorFrom(dtype, shape, (at) => drawn[at] ?? 0)];
        }
        const uniform = uniformStream(seed);
        const rows = tableRows(this.#graph, info.name);
        // Equal numbers everywhere divide a norm by nothing; a mask is open, and a single number is one.
        const isOne = rows === undefined && (/mask/i.test(info.name) || sizeOf(shape) === 1);
        const draw = isOne ? () => 1 : () => Math.floor(uniform() * (rows ?? 2));
        return [info.name, tensorFrom(dtype, shape, draw)];
      }),
    );
  }
}
