// What the converters to GGUF did to the rows of a weight, undone. They reorder rows for the kernels of their own runtime;
// the floors above want the order of Hugging Face's transformers. Whole rows are moved, so packed ones stay packed.
import type { StorageDtype } from '../checkpoint.ts';
import { expand } from '../storage/expand.ts';
import { elementCountOf, storageBlocks } from '../storage/storage.ts';

/** How a tensor lies in the file, relative to transformers. */
export type RowLayout =
  | { readonly kind: 'same' }
  /** Query and key rows of LLaMA: within each head, the two halves that rotary embedding pairs are interleaved. */
  | { readonly kind: 'rotary'; readonly heads: number }
  /** Fused rows: all queries, all keys, all values, where transformers has them by key: its queries, it, and its value. */
  | { readonly kind: 'fused'; readonly heads: number; readonly keyHeads: number }
  /** GPT-2 keeps its weights as [in, out]; the file has [out, in]. */
  | { readonly kind: 'transposed' }
  /** Other numbers: 1 more than transformers has, or minus their exponential. */
  | { readonly kind: 'values'; readonly from: 'oneMore' | 'negativeOfExponential' };

const numberIn: Readonly<Record<'oneMore' | 'negativeOfExponential', (stored: number) => number>> = {
  oneMore: (stored) => stored - 1,
  negativeOfExponential: (stored) => Math.log(-stored),
};

/**
 * The row of the file that holds row `row` of transformers.
 * @param rows rows of the tensor
 */
function storedRow(layout: RowLayout, row: number, rows: number): number {
  switch (layout.kind) {
    case 'rotary': {
      const width = rows / layout.heads;
      const within = row % width;
      const half = width / 2;
      return row - within + (within < half ? 2 * within : 2 * (within - half) + 1);
    }
    case 'fused': {
      const { heads, keyHeads } = layout;
      const width = rows / (heads + 2 * keyHeads);
      const queries = heads / keyHeads;
      const within = row % width;
      const vector = Math.floor(row / width);
      const group = Math.floor(vector / (queries + 2));
      const place = vector % (queries + 2);
      // Of a group: its queries, then its key, then its value.
      const isQuery = place < queries;
      const stored = isQuery ? group * queries + place : heads + (place - queries) * keyHeads + group;
      return stored * width + within;
    }
    default:
      return row;
  }
}

/** Whether rows of a tensor of this shape can be put back: their number has to divide into the heads. */
export function layoutFits(layout: RowLayout, shape: readonly number[], dtype: StorageDtype): boolean {
  const rows = shape[0] ?? 0;
  switch (layout.kind) {
    case 'same':
    case 'values':
      return true;
    case 'transposed':
      return shape.length === 2;
    case 'rotary':
      return rows % (2 * layout.heads) === 0 && (shape.length > 1 || storageBlocks[dtype].elements === 1);
    case 'fused':
      return (
        rows % (layout.heads + 2 * layout.keyHeads) === 0 &&
        layout.heads % layout.keyHeads === 0 &&
        (shape.length > 1 || storageBlocks[dtype].elements === 1)
      );
    default:
      return layout satisfies never;
  }
}

/**
 * How a tensor looks once its layout is undone. A transposed weight cannot stay packed, since a block holds elements of
 * one row, so it becomes float32; so do numbers that are changed.
 */
export function restoredForm(
  layout: RowLayout,
  shape: readonly number[],
  dtype: StorageDtype,
): { readonly shape: readonly number[]; readonly dtype: StorageDtype } {
  if (layout.kind === 'values') return { shape, dtype: 'F32' };
  if (layout.kind !== 'transposed') return { shape, dtype };
  return { shape: shape.toReversed(), dtype: storageBlocks[dtype].elements > 1 ? 'F32' : dtype };
}

/**
 * The bytes of a tensor with its rows in the order of transformers.
 * @param bytes as they lie in the file
 * @param shape [rows, ...] as in the file, outermost first; `layoutFits` holds
 */
export function restoreRows(
  layout: RowLayout,
  bytes: Uint8Array,
  shape: readonly number[],
  dtype: StorageDtype,
): Uint8Array {
  if (layout.kind === 'same') return bytes;
  if (layout.kind === 'transposed') return transposed(bytes, shape, dtype);
  if (layout.kind === 'values') {
    const values = expand(dtype, bytes, elementCountOf(shape) ?? 0);
    return new Uint8Array(Float32Array.from(values, numberIn[layout.from]).buffer);
  }
  const rows = shape[0] ?? 0;
  const rowBytes = bytes.byteLength / rows;
  const restored = new Uint8Array(bytes.byteLength);
  for (let row = 0; row < rows; row++) {
    const from = storedRow(layout, row, rows) * rowBytes;
    restored.set(bytes.subarray(from, from + rowBytes), row * rowBytes);
  }
  return restored;
}

function transposed(bytes: Uint8Array, shape: readonly number[], dtype: StorageDtype): Uint8Array {
  const [rows = 0, columns = 0] = shape;
  if (storageBlocks[dtype].bytes === 2) {
    const from = new Uint16Array(new Uint8Array(bytes).buffer);
    const to = new Uint16Array(from.length);
    transposeInto(from, to, rows, columns);
    return new Uint8Array(to.buffer);
  }
  // Bit patterns again: a NaN keeps its payload.
  const values = expand(dtype, bytes, elementCountOf(shape) ?? 0);
  const from = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const to = new Uint32Array(from.length);
  transposeInto(from, to, rows, columns);
  return new Uint8Array(to.buffer);
}

function transposeInto<Words extends Uint16Array | Uint32Array>(
  from: Words,
  to: Words,
  rows: number,
  columns: number,
): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      to[column * rows + row] = from[row * columns + column] ?? 0;
  }
}
