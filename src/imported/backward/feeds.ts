// The inputs of a backward graph, and what each is given for a row. A graph is compiled once for rows that differ in numbers
// alone, so an input says where its numbers come from.

import { halfValues } from '../../checkpoint/storage/half.ts';
import { quoted } from '../../messages/wording.ts';
import { checkedConstant, constant, type Dtype, input, int32, type Value } from '../../onnx/value.ts';
import { SiteError } from '../plan.ts';
import { floatsIn, sizeOf, type Tensor } from '../tensor.ts';
import type { GradientRow } from './objective.ts';

/** A row as the backward graph sees it. */
export interface RowNumbers {
  readonly row: GradientRow;
  /** Tensors of its run, inputs included. */
  readonly tensors: Readonly<Record<string, Tensor>>;
}

export type From = (row: RowNumbers) => Tensor;

const ofWeights = new WeakMap<Tensor, Tensor>();

/** A weight as float32: one copy for all graphs that it is given to. */
function floatsOfWeight(weight: Tensor): Tensor {
  const known = ofWeights.get(weight) ?? floatsOf(weight);
  ofWeights.set(weight, known);
  return known;
}

/** float32, whatever a tensor holds. */
export function floatsOf(tensor: Tensor): Tensor {
  const { shape, data } = tensor;
  if (data instanceof Float32Array) return { dtype: 'float32', shape, data };
  const numbers = floatsIn(tensor) ?? Float32Array.from({ length: data.length }, (_, at) => Number(data[at]));
  return { dtype: 'float32', shape, data: numbers };
}

/** Places from 0 to `size`, where a file may count from the end. @throws SiteError for one that is neither */
function placesOf(name: string, { shape, data }: Tensor, size: number): Tensor {
  const places = Int32Array.from({ length: data.length }, (_, at) => {
    const place = Number(data[at]);
    return place < 0 ? place + size : place;
  });
  const stray = places.find((place) => !(place >= 0 && place < size));
  if (stray !== undefined)
    throw new SiteError(`${quoted(name)} names the place ${stray} of an axis that has ${size}.`);
  return { dtype: 'int32', shape, data: places };
}

/** Weights of at least so many numbers are inputs, so that all graphs share one copy. */
const fedCount = 4096;

export class Feeds {
  readonly #froms = new Map<string, From>();
  readonly #values = new Map<string, Value>();
  readonly #weight: (name: string) => Tensor | undefined;
  #example: RowNumbers | undefined;

  /** @param example a row of those that the graph is for: it has their shapes */
  constructor(weight: (name: string) => Tensor | undefined, example: RowNumbers) {
    this.#weight = weight;
    this.#example = example;
  }

  /** An input of this name; the same value each time. */
  input(name: string, dtype: Dtype, from: From): Value {
    const known = this.#values.get(name);
    if (known) return known;
    if (!this.#example)
      throw new SiteError(`The graph of a gradient is made, and ${quoted(name)} is not in it.`);
    const made = input(name, dtype, from(this.#example).shape);
    this.#values.set(name, made);
    this.#froms.set(name, from);
    return made;
  }

  /** The graph is made; its numbers come from other rows. */
  settle(): void {
    this.#example = undefined;
    this.#values.clear();
  }

  static tensorOf(name: string): From {
    return ({ tensors }) => {
      const tensor = tensors[name];
      if (!tensor) throw new SiteError(`${quoted(name)} was not computed in the file's own run.`);
      return tensor;
    };
  }

  /** A tensor of the file as float32. */
  value(name: string): Value {
    const weight = this.#weight(name);
    if (!weight) return this.input(`value ${name}`, 'float32', (row) => floatsOf(Feeds.tensorOf(name)(row)));
    const known = this.#values.get(`value ${name}`);
    if (known) return known;
    if (weight.data.length >= fedCount) {
      const fed = floatsOfWeight(weight);
      return this.input(`value ${name}`, 'float32', () => fed);
    }
    const floats = floatsOf(weight);
    const made = constant(Float32Array.from(floats.data, Number), weight.shape);
    this.#values.set(`value ${name}`, made);
    return made;
  }

  truths(name: string): Value {
    const weight = this.#weight(name);
    if (!weight) return this.input(`truth ${name}`, 'bool', Feeds.tensorOf(name));
    return checkedConstant('bool', Uint8Array.from(weight.data, Number), weight.shape);
  }

  indices(name: string, size: number): Value {
    const weight = this.#weight(name);
    if (!weight)
      return this.input(`places ${name} of ${size}`, 'int32', (row) =>
        placesOf(name, Feeds.tensorOf(name)(row), size),
      );
    const { data, shape } = placesOf(name, weight, size);
    return int32(Int32Array.from(data, Number), shape);
  }

  numbers(name: string): readonly number[] | undefined {
    const weight = this.#weight(name);
    return (
      weight && Array.from({ length: sizeOf(weight.shape) }, (_, at) => Number(floatOrWhole(weight, at)))
    );
  }

  /** What the inputs of a graph are given for a row. */
  of(names: Iterable<string>, row: RowNumbers): Readonly<Record<string, Tensor>> {
    return Object.fromEntries(
      [...names].map((name) => {
        const from = this.#froms.get(name);
        if (!from) throw new SiteError(`Nothing is known of the input ${quoted(name)} of a gradient.`);
        return [name, from(row)];
      }),
    );
  }
}

const floatOrWhole = (tensor: Tensor, at: number): number | bigint | undefined =>
  tensor.dtype === 'float16' ? halfValues[Number(tensor.data[at])] : tensor.data[at];
