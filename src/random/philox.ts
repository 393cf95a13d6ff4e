// Random numbers by their place: a number depends on a seed and two counters and on nothing drawn before, so that any order
// and any batch of draws gives the same numbers.
//
// Source: Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3" (Philox4x32-10).

import { SeedError } from './noise.ts';

const rounds = 10;
const multipliers = [0xd2511f53, 0xcd9e8d57] as const;
const increments = [0x9e3779b9, 0xbb67ae85] as const;

/** The high 32 bits of a product of two 32-bit numbers. */
function highProduct(a: number, b: number): number {
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = aHigh * bLow + Math.floor((aLow * bLow) / 0x10000);
  const other = aLow * bHigh + (middle % 0x10000);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(other / 0x10000)) >>> 0;
}

type Words = readonly [number, number, number, number];

/** Philox4x32-10: four words of 32 random bits. @param counter four, @param key two words of 32 bits */
export function philox(counter: Words, key: readonly [number, number]): Words {
  let [a, b, c, d] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < rounds; round++) {
    const [m0, m1] = multipliers;
    [a, b, c, d] = [
      (highProduct(m1, c) ^ b ^ k0) >>> 0,
      Math.imul(m1, c) >>> 0,
      (highProduct(m0, a) ^ d ^ k1) >>> 0,
      Math.imul(m0, a) >>> 0,
    ];
    k0 = (k0 + increments[0]) >>> 0;
    k1 = (k1 + increments[1]) >>> 0;
  }
  return [a, b, c, d];
}

/**
 * The random number of a place, uniform in [0, 1), of 53 bits.
 * @param seed whole, 0 to 2^32 - 1
 * @throws SeedError for any other seed
 */
export function uniformAt(seed: number, first: number, second: number): number {
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff)
    throw new SeedError(`The seed ${seed} does not work; give a whole number from 0 to ${0xffffffff}.`);
  const [high, low] = philox([first >>> 0, second >>> 0, 0, 0], [seed, 0]);
  return ((high >>> 5) * 67108864 + (low >>> 6)) / 9007199254740992;
}
