// float32 to float16, to the nearest, and of two as near to the even one. What is larger than float16 can say becomes
// infinite, as in every conversion instruction; whoever must not have that looks for it.

/** The largest finite float16. */
export const largestHalf = 65504;

const number = new Float32Array(1);
const bits = new Uint32Array(number.buffer);

/** @returns the bits of the float16 nearest to a number */
export function halfOf(x: number): number {
  number[0] = x;
  const word = bits[0] ?? 0;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  // 65520 is half way between the largest float16 and what would come next.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // A subnormal: a whole number of 2^-24, which Math.round would round half up.
    const steps = Math.abs(number[0] ?? 0) * 2 ** 24;
    const below = Math.floor(steps);
    const rest = steps - below;
    return sign | (below + (rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? 1 : 0));
  }
  // A carry out of the fraction is the next exponent.
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

/** @returns the bits of each */
export function toHalf(values: ArrayLike<number>): Uint16Array {
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) halves[i] = halfOf(values[i] ?? 0);
  return halves;
}

/** Whether these bits are infinite or NaN. */
export const isNoFiniteHalf = (half: number): boolean => (half & 0x7c00) === 0x7c00;
