// float16 and bfloat16 to float32, exactly. Everything happens on bit patterns: passing a NaN through a JavaScript
// number may change its payload, copying an integer never does.

/** The float32 bit pattern of every float16 bit pattern. */
export const halfBits: Uint32Array = buildHalfBits();

/** The float32 value of every float16 bit pattern; the same memory as `halfBits`. */
export const halfValues: Float32Array = new Float32Array(halfBits.buffer);

/** The float16 whose two bytes begin at `at`. */
export const halfAt = (bytes: Uint8Array, at: number): number =>
  halfValues[(bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)] ?? 0;

function buildHalfBits(): Uint32Array {
  const table = new Uint32Array(65536);
  for (let half = 0; half < 32768; half++) {
    const exponent = half >> 10;
    const fraction = half & 0x3ff;
    let bits: number;
    if (exponent === 31) {
      // A signalling NaN becomes a quiet one, as the conversion instruction of processors has it.
      bits = 0x7f800000 | (fraction << 13) | (fraction === 0 ? 0 : 0x400000);
    } else if (exponent > 0) {
      bits = ((exponent + 112) << 23) | (fraction << 13);
    } else if (fraction > 0) {
      // A subnormal float16 is a normal float32: move its first set bit to the place of the implicit one.
      const shift = Math.clz32(fraction) - 21;
      bits = ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
    } else {
      bits = 0;
    }
    table[half] = bits;
    table[half | 0x8000] = bits | 0x80000000;
  }
  return table;
}
