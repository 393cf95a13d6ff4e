// Stored bytes to float32, bit for bit as the reference implementations have it: safetensors and PyTorch for F32, F16
// and BF16, the `gguf` package for the quantised dtypes. Nothing is checked twice: the readers have compared sizes with
// shapes when they opened the file, so this floor only refuses a call whose sizes do not match.
import { CheckpointError, type StorageDtype } from '../checkpoint.ts';
import { expandF8, expandF64 } from './expand8.ts';
import { expandQ4, expandQ5, expandQ8 } from './expand32.ts';
import { expandQ4K, expandQ5K, expandQ6K } from './expand256.ts';
import { halfBits } from './half.ts';
import { storageBlocks, storedBytes } from './storage.ts';

/**
 * Expand one tensor, or some whole rows of it, to float32.
 *
 * @param dtype        how `bytes` are stored
 * @param bytes        what `Checkpoint.read` returned, little endian
 * @param elementCount elements in `bytes`
 * @param out          [elementCount] where to write; without it a new array is made, except that F32 bytes which lie on a
 *                     4-byte boundary are returned as a view of the same memory
 * @returns            [elementCount]
 * @throws CheckpointError when the sizes of `bytes`, `elementCount` and `out` do not fit together
 */
export function expand(
  dtype: StorageDtype,
  bytes: Uint8Array,
  elementCount: number,
  out?: Float32Array,
): Float32Array {
  const block = storageBlocks[dtype];
  const wholeBlocks = Number.isSafeInteger(elementCount / block.elements) && elementCount >= 0;
  if (!wholeBlocks || bytes.byteLength !== storedBytes(dtype, elementCount)) {
    throw new CheckpointError(
      `${elementCount} elements of ${dtype} take ${storedBytes(dtype, elementCount)} bytes in blocks of ` +
        `${block.elements}; ${bytes.byteLength} bytes were given. Pass the bytes of whole rows.`,
    );
  }
  if (out && out.length !== elementCount) {
    throw new CheckpointError(
      `The array to expand into holds ${out.length} elements; ${elementCount} are stored. Pass one of that length.`,
    );
  }
  if (dtype === 'F32') return expandF32(bytes, elementCount, out);
  const target = out ?? new Float32Array(elementCount);
  switch (dtype) {
    case 'F16':
      expandF16(bytes, target);
      break;
    case 'BF16':
      expandBF16(bytes, target);
      break;
    case 'Q8_0':
      expandQ8(bytes, target);
      break;
    case 'Q4_0':
      expandQ4(bytes, target, false);
      break;
    case 'F64':
      expandF64(bytes, target);
      break;
    case 'F8_E4M3':
    case 'F8_E5M2':
    case 'F8_E4M3FNUZ':
    case 'F8_E5M2FNUZ':
      expandF8(bytes, target, dtype);
      break;
    case 'Q4_1':
      expandQ4(bytes, target, true);
      break;
    case 'Q5_0':
      expandQ5(bytes, target, false);
      break;
    case 'Q5_1':
      expandQ5(bytes, target, true);
      break;
    case 'Q4_K':
      expandQ4K(bytes, target);
      break;
    case 'Q5_K':
      expandQ5K(bytes, target);
      break;
    case 'Q6_K':
      expandQ6K(bytes, target);
      break;
    default:
      dtype satisfies never;
  }
  return target;
}

function expandF32(bytes: Uint8Array, elementCount: number, out?: Float32Array): Float32Array {
  if (out) {
    new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(bytes);
    return out;
  }
  if (bytes.byteOffset % 4 === 0) return new Float32Array(bytes.buffer, bytes.byteOffset, elementCount);
  return new Float32Array(new Uint8Array(bytes).buffer);
}

/** Two bytes per element, in place where the bytes are aligned and copied once where they are not. */
function pairsOf(bytes: Uint8Array): Uint16Array {
  if (bytes.byteOffset % 2 === 0)
    return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  return new Uint16Array(new Uint8Array(bytes).buffer);
}

function expandF16(bytes: Uint8Array, out: Float32Array): void {
  const halves = pairsOf(bytes);
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halfBits[halves[i] ?? 0] ?? 0;
}

function expandBF16(bytes: Uint8Array, out: Float32Array): void {
  const upper = pairsOf(bytes);
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < upper.length; i++) bits[i] = (upper[i] ?? 0) << 16;
}
