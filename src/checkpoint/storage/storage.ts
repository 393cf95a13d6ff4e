// How many bytes each storage dtype takes. A quantised dtype packs a block of elements of one row together, so a row is
// always a whole number of blocks.
import type { StorageDtype } from '../checkpoint.ts';

interface Block {
  /** Elements in a block. */
  readonly elements: number;
  /** Bytes of a block. */
  readonly bytes: number;
}

export const storageBlocks: Readonly<Record<StorageDtype, Block>> = {
  F32: { elements: 1, bytes: 4 },
  F16: { elements: 1, bytes: 2 },
  BF16: { elements: 1, bytes: 2 },
  F64: { elements: 1, bytes: 8 },
  F8_E4M3: { elements: 1, bytes: 1 },
  F8_E5M2: { elements: 1, bytes: 1 },
  F8_E4M3FNUZ: { elements: 1, bytes: 1 },
  F8_E5M2FNUZ: { elements: 1, bytes: 1 },
  Q8_0: { elements: 32, bytes: 34 },
  Q4_0: { elements: 32, bytes: 18 },
  Q4_1: { elements: 32, bytes: 20 },
  Q5_0: { elements: 32, bytes: 22 },
  Q5_1: { elements: 32, bytes: 24 },
  Q4_K: { elements: 256, bytes: 144 },
  Q5_K: { elements: 256, bytes: 176 },
  Q6_K: { elements: 256, bytes: 210 },
};

/** Every storage dtype, in the order in which messages list them. */
export const storageDtypes: readonly string[] = Object.keys(storageBlocks);

export function isStorageDtype(name: string): name is StorageDtype {
  return Object.hasOwn(storageBlocks, name);
}

/** Bytes that `elementCount` elements take. The count has to be a whole number of blocks. */
export function storedBytes(dtype: StorageDtype, elementCount: number): number {
  const block = storageBlocks[dtype];
  return (elementCount / block.elements) * block.bytes;
}

/**
 * The number of elements of a shape.
 * @returns undefined when a dimension is not a whole number from 0 on, or the product is too large to be exact
 */
export function elementCountOf(shape: readonly number[]): number | undefined {
  let count = 1;
  for (const dimension of shape) {
    if (!Number.isSafeInteger(dimension) || dimension < 0) return undefined;
    count *= dimension;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}
