// The quantised dtypes with 256 elements in a block ("K"): the block is cut into groups, each with a small integer scale
// of its own beside the float16 scale of the block.
//
//     Q4_K, Q5_K: (d scale) q - (dmin min)    8 groups of 32, scales and minima of 6 bits
//     Q6_K:       (d scale) (q - 32)          16 groups of 16, scales of 8 bits with a sign
//
// Every product is rounded to float32 before the next step, as in the reference.
import { halfAt } from './half.ts';

/**
 * The scales and minima of the eight groups of a block at `at`, times those of the block. They have 6 bits in the 12 bytes behind these:
 * groups 0 to 3 the low six bits of bytes 0 to 3 and 4 to 7; groups 4 to 7 four bits in bytes 8 to 11 and two on top of the bytes
 * before.
 */
export function groupScales(bytes: Uint8Array, at: number, scales: Float32Array, minima: Float32Array): void {
  const d = halfAt(bytes, at);
  const dmin = halfAt(bytes, at + 2);
  for (let group = 0; group < 4; group++) {
    const scale = bytes[at + 4 + group] ?? 0;
    const minimum = bytes[at + 8 + group] ?? 0;
    const rest = bytes[at + 12 + group] ?? 0;
    scales[group] = d * (scale & 63);
    minima[group] = dmin * (minimum & 63);
    scales[group + 4] = d * ((rest & 15) | ((scale >> 2) & 48));
    minima[group + 4] = dmin * ((rest >> 4) | ((minimum >> 2) & 48));
  }
}

/** @param bytes [blocks * 144]; @param out [blocks * 256] */
export function expandQ4K(bytes: Uint8Array, out: Float32Array): void {
  const scales = new Float32Array(8);
  const minima = new Float32Array(8);
  for (let at = 0, to = 0; to < out.length; at += 144, to += 256) {
    groupScales(bytes, at, scales, minima);
    for (let group = 0; group < 8; group += 2) {
      const low = scales[group] ?? 0;
      const high = scales[group + 1] ?? 0;
      const lowMinimum = minima[group] ?? 0;
      const highMinimum = minima[group + 1] ?? 0;
      const from = at + 16 + group * 16;
      const target = to + group * 32;
      for (let i = 0; i < 32; i++) {
        const pair = bytes[from + i] ?? 0;
        out[target + i] = Math.fround(low * (pair & 15)) - lowMinimum;
        out[target + 32 + i] = Math.fround(high * (pair >> 4)) - highMinimum;
      }
    }
  }
}

/** @param bytes [blocks * 176]; @param out [blocks * 256] */
export function expandQ5K(bytes: Uint8Array, out: Float32Array): void {
  const scales = new Float32Array(8);
  const minima = new Float32Array(8);
  for (let at = 0, to = 0; to < out.length; at += 176, to += 256) {
    groupScales(bytes, at, scales, minima);
    for (let group = 0; group < 8; group += 2) {
      const low = scales[group] ?? 0;
      const high = scales[group + 1] ?? 0;
      const lowMinimum = minima[group] ?? 0;
      const highMinimum = minima[group + 1] ?? 0;
      const from = at + 48 + group * 16;
      const target = to + group * 32;
      for (let i = 0; i < 32; i++) {
        const pair = bytes[from + i] ?? 0;
        const fifth = (bytes[at + 16 + i] ?? 0) >> group;
        out[target + i] = Math.fround(low * ((pair & 15) | ((fifth & 1) << 4))) - lowMinimum;
        out[target + 32 + i] = Math.fround(high * ((pair >> 4) | ((fifth & 2) << 3))) - highMinimum;
      }
    }
  }
}

/** @param bytes [blocks * 210]; @param out [blocks * 256] */
export function expandQ6K(bytes: Uint8Array, out: Float32Array): void {
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const scales = new Float32Array(16);
  for (let at = 0, to = 0; to < out.length; at += 210, to += 256) {
    const d = halfAt(bytes, at + 208);
    for (let group = 0; group < 16; group++) scales[group] = d * (signed[at + 192 + group] ?? 0);
    // 128 elements at a time: 64 bytes of low nibbles, 32 bytes of upper bit pairs.
    for (let part = 0; part < 2; part++) {
      const nibbles = at + part * 64;
      const upper = at + 128 + part * 32;
      const target = to + part * 128;
      for (let i = 0; i < 32; i++) {
        const group = part * 8 + (i >> 4);
        const first = bytes[nibbles + i] ?? 0;
        const second = bytes[nibbles + 32 + i] ?? 0;
        const bits = bytes[upper + i] ?? 0;
        out[target + i] = (scales[group] ?? 0) * (((first & 15) | ((bits & 3) << 4)) - 32);
        out[target + 32 + i] = (scales[group + 2] ?? 0) * (((second & 15) | ((bits & 12) << 2)) - 32);
        out[target + 64 + i] = (scales[group + 4] ?? 0) * (((first >> 4) | (bits & 48)) - 32);
        out[target + 96 + i] = (scales[group + 6] ?? 0) * (((second >> 4) | ((bits & 192) >> 2)) - 32);
      }
    }
  }
}
