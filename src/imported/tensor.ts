// Tensors in memory with every element type that a file may use, and the words for these types. The engine's own families
// know float32 and int32 alone; a file that somebody brings has ids in int64, masks in bool and weights in eight bits.

import { halfValues } from '../checkpoint/storage/half.ts';
import { halfOf } from '../onnx/half.ts';

export type ElementType =
  | 'float32'
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'bool'
  | 'float16'
  | 'float64'
  | 'uint32'
  | 'uint64';

export type ElementArray =
  | Float32Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float64Array
  | Uint32Array
  | BigUint64Array;

/** Row-major. bool is a byte an element, float16 its bits in a Uint16Array. */
export interface Tensor {
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  readonly data: ElementArray;
}

interface TypeFacts {
  /** ONNX's number of the type. */
  readonly code: number;
  readonly bytes: number;
  readonly over: (buffer: ArrayBuffer) => ElementArray;
}

const facts: Readonly<Record<ElementType, TypeFacts>> = {
  float32: { code: 1, bytes: 4, over: (buffer) => new Float32Array(buffer) },
  uint8: { code: 2, bytes: 1, over: (buffer) => new Uint8Array(buffer) },
  int8: { code: 3, bytes: 1, over: (buffer) => new Int8Array(buffer) },
  uint16: { code: 4, bytes: 2, over: (buffer) => new Uint16Array(buffer) },
  int16: { code: 5, bytes: 2, over: (buffer) => new Int16Array(buffer) },
  int32: { code: 6, bytes: 4, over: (buffer) => new Int32Array(buffer) },
  int64: { code: 7, bytes: 8, over: (buffer) => new BigInt64Array(buffer) },
  bool: { code: 9, bytes: 1, over: (buffer) => new Uint8Array(buffer) },
  float16: { code: 10, bytes: 2, over: (buffer) => new Uint16Array(buffer) },
  float64: { code: 11, bytes: 8, over: (buffer) => new Float64Array(buffer) },
  uint32: { code: 12, bytes: 4, over: (buffer) => new Uint32Array(buffer) },
  uint64: { code: 13, bytes: 8, over: (buffer) => new BigUint64Array(buffer) },
};

/** Types that ONNX has and nothing here computes with, for messages. */
const otherTypes: Readonly<Record<number, string>> = {
  8: 'string',
  14: 'complex64',
  15: 'complex128',
  16: 'bfloat16',
  17: 'float8e4m3fn',
  18: 'float8e4m3fnuz',
  19: 'float8e5m2',
  20: 'float8e5m2fnuz',
  21: 'uint4',
  22: 'int4',
  23: 'float4e2m1',
};

export const isElementType = (name: string): name is ElementType => Object.hasOwn(facts, name);

export const codeOf = (dtype: ElementType): number => facts[dtype].code;
export const bytesPerElement = (dtype: ElementType): number => facts[dtype].bytes;

/** @returns undefined for a type that is not computed with */
export function elementTypeOf(code: number): ElementType | undefined {
  return Object.keys(facts)
    .filter(isElementType)
    .find((name) => facts[name].code === code);
}

/** What a type is called, known or not. */
export const typeName = (code: number): string => elementTypeOf(code) ?? otherTypes[code] ?? `number ${code}`;

export const isFloat = (dtype: ElementType): boolean =>
  dtype === 'float32' || dtype === 'float16' || dtype === 'float64';

export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);

/** Bytes in memory of their own, aligned or not, as a tensor; a copy where they are not the whole of their buffer. */
export function tensorOfBytes(dtype: ElementType, shape: readonly number[], bytes: Uint8Array): Tensor {
  const { buffer } = bytes;
  const own =
    buffer instanceof ArrayBuffer && bytes.byteOffset === 0 && bytes.byteLength === buffer.byteLength
      ? buffer
      : new Uint8Array(bytes).buffer;
  return { dtype, shape, data: facts[dtype].over(own) };
}

export function bytesOf({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Numbers of float32; those of float16 in as many. @returns undefined for other types */
export function floatsIn({ dtype, data }: Tensor): Float32Array | undefined {
  if (data instanceof Float32Array) return data;
  if (dtype === 'float16' && data instanceof Uint16Array)
    return Float32Array.from(data, (bits) => halfValues[bits] ?? Number.NaN);
  return undefined;
}

/** A tensor filled by place, from plain numbers (whole ones for integers). */
export function tensorFrom(
  dtype: ElementType,
  shape: readonly number[],
  valueAt: (index: number) => number,
): Tensor {
  const { bytes, over } = facts[dtype];
  const data = over(new ArrayBuffer(sizeOf(shape) * bytes));
  for (let i = 0; i < data.length; i++) {
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = BigInt(valueAt(i));
    else data[i] = dtype === 'float16' ? halfOf(valueAt(i)) : valueAt(i);
  }
  return { dtype, shape, data };
}

/** Steps of a row-major tensor, in elements. */
export function stridesOf(shape: readonly number[]): readonly number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = (strides[axis + 1] ?? 1) * (shape[axis + 1] ?? 1);
  }
  return strides;
}

/** The places `from` to `to` (not with it) along an axis, as a tensor of its own. */
export function sliced(tensor: Tensor, axis: number, from: number, to: number): Tensor {
  const { dtype, shape } = tensor;
  const size = shape[axis] ?? 1;
  const inner = sizeOf(shape.slice(axis + 1));
  const outer = sizeOf(shape.slice(0, axis));
  const bytes = bytesOf(tensor);
  const unit = inner * bytesPerElement(dtype);
  const result = new Uint8Array(outer * (to - from) * unit);
  for (let block = 0; block < outer; block++) {
    const start = (block * size + from) * unit;
    result.set(bytes.subarray(start, start + (to - from) * unit), block * (to - from) * unit);
  }
  return tensorOfBytes(dtype, shape.with(axis, to - from), result);
}

/** Tensors of one type, one after the other along an axis; their other sizes are equal. */
export function joined(tensors: readonly Tensor[], axis: number): Tensor {
  const [first, ...rest] = tensors;
  if (!first) throw new RangeError('joined: there is no tensor');
  if (rest.length === 0) return first;
  const { dtype, shape } = first;
  const sizes = tensors.map((tensor) => tensor.shape[axis] ?? 1);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const outer = sizeOf(shape.slice(0, axis));
  const unit = sizeOf(shape.slice(axis + 1)) * bytesPerElement(dtype);
  const result = new Uint8Array(outer * total * unit);
  let before = 0;
  for (const [index, tensor] of tensors.entries()) {
    const own = (sizes[index] ?? 1) * unit;
    const bytes = bytesOf(tensor);
    for (let block = 0; block < outer; block++) {
      result.set(bytes.subarray(block * own, (block + 1) * own), block * total * unit + before);
    }
    before += own;
  }
  return tensorOfBytes(dtype, shape.with(axis, total), result);
}
