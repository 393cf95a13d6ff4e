// The quantised dtypes with 32 elements in a block: a float16 scale `d`, for some a float16 offset `m`, then the
// elements as small integers. Low nibbles are elements 0 to 15, high nibbles 16 to 31.
//
//     Q4_0: d (q - 8)    Q4_1: d q + m    Q5_0: d (q - 16)    Q5_1: d q + m    Q8_0: d q
//
// The reference rounds the product to float32 before it adds, hence Math.fround; a product of a float32 with so small
// an integer is exact in the double that JavaScript computes, so it is rounded once. Storing rounds the sum.
import { halfAt } from './half.ts';

/** @param bytes [blocks * 34]; @param out [blocks * 32] */
export function expandQ8(bytes: Uint8Array, out: Float32Array): void {
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0, to = 0; to < out.length; at += 34, to += 32) {
    const d = halfAt(bytes, at);
    for (let i = 0; i < 32; i++) out[to + i] = d * (signed[at + 2 + i] ?? 0);
  }
}

/** @param bytes [blocks * 18], or [blocks * 20] with an offset; @param out [blocks * 32] */
export function expandQ4(bytes: Uint8Array, out: Float32Array, hasOffset: boolean): void {
  const zero = hasOffset ? 0 : 8;
  const header = hasOffset ? 4 : 2;
  for (let at = 0, to = 0; to < out.length; at += header + 16, to += 32) {
    const d = halfAt(bytes, at);
    // Adding -0 changes no number, where adding 0 would turn -0 into 0.
    const m = hasOffset ? halfAt(bytes, at + 2) : -0;
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + header + i] ?? 0;
      out[to + i] = Math.fround(d * ((pair & 15) - zero)) + m;
      out[to + 16 + i] = Math.fround(d * ((pair >> 4) - zero)) + m;
    }
  }
}

/** @param bytes [blocks * 22], or [blocks * 24] with an offset; @param out [blocks * 32] */
export function expandQ5(bytes: Uint8Array, out: Float32Array, hasOffset: boolean): void {
  const zero = hasOffset ? 0 : 16;
  const header = hasOffset ? 4 : 2;
  for (let at = 0, to = 0; to < out.length; at += header + 20, to += 32) {
    const d = halfAt(bytes, at);
    const m = hasOffset ? halfAt(bytes, at + 2) : -0;
    const fifth = at + header;
    // Bit i of these 32 is the fifth bit of element i.
    const low = (bytes[fifth] ?? 0) | ((bytes[fifth + 1] ?? 0) << 8);
    const high = (bytes[fifth + 2] ?? 0) | ((bytes[fifth + 3] ?? 0) << 8);
    for (let i = 0; i < 16; i++) {
      const pair = bytes[fifth + 4 + i] ?? 0;
      out[to + i] = Math.fround(d * (((pair & 15) | (((low >> i) & 1) << 4)) - zero)) + m;
      out[to + 16 + i] = Math.fround(d * (((pair >> 4) | (((high >> i) & 1) << 4)) - zero)) + m;
    }
  }
}
