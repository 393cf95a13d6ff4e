// The tensors that a backend has made and that were not disposed: which they are, how many bytes they take, and how many
// they took at most.

import { halfValues } from '../../checkpoint/storage/half.ts';
import { type DeviceTensor, elementCount, type TensorData } from './backend.ts';

const elementBytes: Readonly<Record<DeviceTensor['dtype'], number>> = {
  float32: 4,
  float16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
};

const tensorBytes = ({ dtype, shape }: Pick<DeviceTensor, 'dtype' | 'shape'>): number =>
  elementBytes[dtype] * elementCount(shape);

/** Bytes that are copied to read a tensor. */
export const wholeWords = (tensor: Pick<DeviceTensor, 'dtype' | 'shape'>): number =>
  Math.ceil(tensorBytes(tensor) / 4) * 4;

/** What a tensor of `elements` numbers holds, as it lies in memory. */
export function numbersOf(
  data: ArrayBuffer,
  dtype: Exclude<DeviceTensor['dtype'], 'uint8'>,
  elements: number,
): TensorData {
  switch (dtype) {
    case 'float32':
      return new Float32Array(data);
    case 'float16':
      return Float32Array.from(new Uint16Array(data, 0, elements), (half) => halfValues[half] ?? 0);
    case 'int32':
      return new Int32Array(data);
    case 'int64':
      return Int32Array.from(new BigInt64Array(data), Number);
    default:
      return dtype satisfies never;
  }
}

export class LiveTensors {
  readonly #tensors = new Set<DeviceTensor>();
  #bytes = 0;
  #peakBytes = 0;

  get size(): number {
    return this.#tensors.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The most that `bytes` has been. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  has(tensor: DeviceTensor): boolean {
    return this.#tensors.has(tensor);
  }

  add(tensor: DeviceTensor): void {
    this.#tensors.add(tensor);
    this.#bytes += tensorBytes(tensor);
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes);
  }

  /** @returns whether it was there */
  delete(tensor: DeviceTensor): boolean {
    const wasThere = this.#tensors.delete(tensor);
    if (wasThere) this.#bytes -= tensorBytes(tensor);
    return wasThere;
  }

  clear(): void {
    this.#tensors.clear();
    this.#bytes = 0;
  }

  [Symbol.iterator](): Iterator<DeviceTensor> {
    return this.#tensors.values();
  }
}
