// GGUF's blocks as whole numbers of 4 bits in the order of the elements, with scales and perhaps minima of groups: what
// onnxruntime multiplies by (onnx/blocks.ts). Its kernels for float32 know 4 bits alone, so a number of more is two of them:
//
//     element = scale (code - 8) + minimum
//     element = 16 scale (upper - 8) + scale (lower - 8) + minimum
//
// No number is rounded; scales and minima are, to float32.

import { CheckpointError, type StorageDtype } from '../checkpoint.ts';
import { groupScales } from './expand256.ts';
import { halfAt } from './half.ts';
import { storageBlocks, storedBytes } from './storage.ts';

export interface BlockCodes {
  /** Elements of a group. */
  readonly group: number;
  /** [rows, parts * inputs / 2]; of two codes in a byte the first is in the lower bits, of two parts the upper one comes first. */
  readonly codes: Uint8Array;
  /** [rows, parts * inputs / group] */
  readonly scales: Float32Array;
  /** [rows, inputs / group] */
  readonly minima?: Float32Array;
}

/** A block, read: numbers of its elements, and what each group of them is scaled and raised by. */
interface ReadBlock {
  readonly numbers: Int16Array;
  readonly scales: Float32Array;
  readonly minima: Float32Array;
}

interface Form {
  /** Codes of an element. */
  readonly parts: 1 | 2;
  readonly group: number;
  readonly hasMinima: boolean;
  readonly read: (bytes: Uint8Array, at: number, block: ReadBlock) => void;
}

const byte = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0;

/** A scale, perhaps a minimum, perhaps fifth bits, nibbles: those of elements 0 to 15 are the lower ones. */
function blockOf32(hasMinima: boolean, hasFifth: boolean): Form {
  const fifth = hasMinima ? 4 : 2;
  const nibbles = fifth + (hasFifth ? 4 : 0);
  const least = hasMinima ? 0 : hasFifth ? -16 : -8;
  return {
    parts: hasFifth ? 2 : 1,
    group: 32,
    hasMinima: hasMinima || hasFifth,
    read: (bytes, at, { numbers, scales, minima }) => {
      scales[0] = halfAt(bytes, at);
      minima[0] = hasMinima ? halfAt(bytes, at + 2) : 0;
      for (let i = 0; i < 32; i++) {
        const low = (byte(bytes, at + nibbles + (i & 15)) >> (i & 16 ? 4 : 0)) & 15;
        const high = hasFifth ? ((byte(bytes, at + fifth + (i >> 3)) >> (i & 7)) & 1) << 4 : 0;
        numbers[i] = (low | high) + least;
      }
    },
  };
}

/** Groups of 32 with scales and minima of 6 bits; two groups share the bytes of their nibbles. */
function blockOf256(hasFifth: boolean): Form {
  const nibbles = hasFifth ? 48 : 16;
  return {
    parts: hasFifth ? 2 : 1,
    group: 32,
    hasMinima: true,
    read: (bytes, at, { numbers, scales, minima }) => {
      groupScales(bytes, at, scales, minima);
      for (let group = 0; group < 8; group++) {
        minima[group] = -(minima[group] ?? 0);
        const from = at + nibbles + (group >> 1) * 32;
        for (let i = 0; i < 32; i++) {
          const low = (byte(bytes, from + i) >> (group & 1 ? 4 : 0)) & 15;
          const high = hasFifth ? ((byte(bytes, at + 16 + i) >> group) & 1) << 4 : 0;
          numbers[group * 32 + i] = low | high;
        }
      }
    },
  };
}

const forms: Readonly<Partial<Record<StorageDtype, Form>>> = {
  Q4_0: blockOf32(false, false),
  Q4_1: blockOf32(true, false),
  Q5_0: blockOf32(false, true),
  Q5_1: blockOf32(true, true),
  Q4_K: blockOf256(false),
  Q5_K: blockOf256(true),
  Q8_0: {
    parts: 2,
    group: 32,
    hasMinima: true,
    read: (bytes, at, { numbers, scales }) => {
      scales[0] = halfAt(bytes, at);
      for (let i = 0; i < 32; i++) numbers[i] = (byte(bytes, at + 2 + i) << 24) >> 24;
    },
  },
  Q6_K: {
    parts: 2,
    group: 16,
    hasMinima: true,
    read: (bytes, at, { numbers, scales }) => {
      const scale = halfAt(bytes, at + 208);
      for (let group = 0; group < 16; group++)
        scales[group] = scale * ((byte(bytes, at + 192 + group) << 24) >> 24);
      for (let i = 0; i < 256; i++) {
        const part = i >> 7;
        const quarter = (i >> 5) & 3;
        const low = byte(bytes, at + part * 64 + (quarter & 1) * 32 + (i & 31)) >> (quarter & 2 ? 4 : 0);
        const high = byte(bytes, at + 128 + part * 32 + (i & 31)) >> (quarter * 2);
        numbers[i] = ((low & 15) | ((high & 3) << 4)) - 32;
      }
    },
  },
};

/** Whether a dtype's blocks are such codes. */
export const hasCodes = (dtype: StorageDtype): boolean => forms[dtype] !== undefined;

/** Bytes that these elements take as codes with their scales and minima. */
export function codesBytes(dtype: StorageDtype, elements: number): number {
  const form = forms[dtype];
  if (!form) return 0;
  return elements * (form.parts * (1 / 2 + 4 / form.group) + (form.hasMinima ? 4 / form.group : 0));
}

/**
 * @param bytes as `Checkpoint.read` gives them
 * @throws CheckpointError for a dtype whose elements are no such codes, and where sizes do not fit
 */
export function codesOf(
  dtype: StorageDtype,
  bytes: Uint8Array,
  { rows, inputs }: { readonly rows: number; readonly inputs: number },
): BlockCodes {
  const form = forms[dtype];
  const stored = storageBlocks[dtype];
  if (!form || inputs % stored.elements !== 0 || bytes.byteLength !== storedBytes(dtype, rows * inputs))
    throw new CheckpointError(
      `${bytes.byteLength} bytes of ${dtype} are not ${rows} rows of ${inputs} in blocks with codes. Expand them.`,
    );
  const { parts, group, hasMinima } = form;
  const groups = inputs / group;
  const codes = new Uint8Array((rows * parts * inputs) / 2);
  const scales = new Float32Array(rows * parts * groups);
  const minima = new Float32Array(hasMinima ? rows * groups : 0);
  const block: ReadBlock = {
    numbers: new Int16Array(stored.elements),
    scales: new Float32Array(stored.elements / group),
    minima: new Float32Array(stored.elements / group),
  };
  const { numbers } = block;
  // A number of 4 bits has a sign where no minimum comes with it. One of more is made a code of 8 bits by half of their span.
  const zero = parts === 2 ? 128 : hasMinima ? 0 : 8;
  /** What the codes say too little. */
  const raised = parts === 2 ? 8 : 8 - zero;
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (let input = 0; input < inputs; input += stored.elements, at += stored.bytes) {
      form.read(bytes, at, block);
      for (const [index, scale] of block.scales.entries()) {
        const place = input / group + index;
        const first = row * parts * groups + place;
        scales[first] = parts === 2 ? 16 * scale : scale;
        if (parts === 2) scales[first + groups] = scale;
        if (hasMinima) minima[row * groups + place] = (block.minima[index] ?? 0) + raised * scale;
      }
      const place = (row * parts * inputs + input) / 2;
      for (let i = 0; i < stored.elements / 2; i++) {
        const one = (numbers[2 * i] ?? 0) + zero;
        const two = (numbers[2 * i + 1] ?? 0) + zero;
        if (parts === 1) codes[place + i] = one | (two << 4);
        else {
          codes[place + i] = (one >> 4) | (two & 240);
          codes[place + inputs / 2 + i] = (one & 15) | ((two & 15) << 4);
        }
      }
    }
  }
  return { group, codes, scales, ...(hasMinima ? { minima } : {}) };
}
