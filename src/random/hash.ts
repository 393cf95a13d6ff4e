// A hash of a text: what tells one from another where nobody means to deceive, and is the same on every machine.

/** Odd numbers from the binary digits of the square roots of 11, 13, 17 and 19: nothing up a sleeve. */
const factors = [0x510e527f, 0x9b05688d, 0x1f83d9ab, 0x5be0cd19] as const;

/** Every bit of a lane in all of its bits; what differs stays different. */
function spread(lane: number): number {
  const once = Math.imul(lane ^ (lane >>> 16), factors[2]);
  const twice = Math.imul(once ^ (once >>> 15), factors[3]);
  return twice ^ (twice >>> 16);
}

const digits = (lane: number): string => (lane >>> 0).toString(16).padStart(8, '0');

/**
 * 16 hexadecimal digits of a text. The first lane takes every character, the second every state of the first, and each step can
 * be undone: texts of one length that differ in one place, or in two that are neighbours, never share a hash, and others do by a
 * chance of about one in 2^64.
 */
export function hashOf(text: string): string {
  let first = 0x6a09e667;
  let second = 0x3b67ae85;
  for (let at = 0; at < text.length; at++) {
    // Without what is added a lane of zeros would stay one.
    first = (Math.imul(first ^ text.charCodeAt(at), factors[0]) + 0x3c6ef372) | 0;
    first ^= first >>> 15;
    second = Math.imul(second + first, factors[1]);
    second ^= second >>> 14;
  }
  const end = spread(first ^ text.length);
  return digits(spread(second + end)) + digits(end);
}
