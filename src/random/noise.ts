// Normally distributed numbers, the very ones that NumPy's `RandomState(seed).randn` gives: the Mersenne Twister with its
// classic seeding, and the polar method. ROME and pyvene draw their noise so, and published figures depend on it.
//
// Sources: Matsumoto and Nishimura 1998, "Mersenne Twister"; Marsaglia and Bray 1964, "A convenient method for generating
// normal variables".

import { logarithm } from './logarithm.ts';

const stateSize = 624;
const shiftSize = 397;
const largestSeed = 2 ** 32 - 1;

/** The seed is no whole number that the generator can start from. */
export class SeedError extends RangeError {
  override readonly name = 'SeedError';
}

class MersenneTwister {
  readonly #state = new Uint32Array(stateSize);
  #next = stateSize;

  constructor(seed: number) {
    this.#state[0] = seed;
    for (let i = 1; i < stateSize; i++) {
      const before = this.#state[i - 1] ?? 0;
      this.#state[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
    }
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < stateSize; i++) {
      const joined = ((state[i] ?? 0) & 0x80000000) | ((state[(i + 1) % stateSize] ?? 0) & 0x7fffffff);
      const shifted = (state[(i + shiftSize) % stateSize] ?? 0) ^ (joined >>> 1);
      state[i] = (joined & 1) === 0 ? shifted : shifted ^ 0x9908b0df;
    }
    this.#next = 0;
  }

  /** 32 random bits. */
  #bits(): number {
    if (this.#next === stateSize) this.#twist();
    let y = this.#state[this.#next++] ?? 0;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  /** Uniform in [0, 1), of 53 random bits. */
  uniform(): number {
    const high = this.#bits() >>> 5;
    const low = this.#bits() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }
}

function seeded(seed: number): MersenneTwister {
  if (!Number.isInteger(seed) || seed < 0 || seed > largestSeed) {
    throw new SeedError(`The seed ${seed} does not work; give a whole number from 0 to ${largestSeed}.`);
  }
  return new MersenneTwister(seed);
}

/**
 * One number after another, uniform in [0, 1): those of `standardUniform`.
 * @throws SeedError as `standardNormal` does
 */
export function uniformStream(seed: number): () => number {
  const generator = seeded(seed);
  return () => generator.uniform();
}

/**
 * `numpy.random.RandomState(seed).random_sample(count)`: uniform in [0, 1).
 * @throws SeedError as `standardNormal` does
 */
export function standardUniform(seed: number, count: number): Float64Array {
  const generator = seeded(seed);
  return Float64Array.from({ length: count }, () => generator.uniform());
}

/**
 * The first `count` numbers of `numpy.random.RandomState(seed).randn(count)`. A longer draw begins with a shorter one, so
 * the first of ten samples is the only sample of one.
 * @param seed whole, 0 to 2^32 - 1
 * @throws SeedError for any other seed
 */
export function standardNormal(seed: number, count: number): Float64Array {
  const generator = seeded(seed);
  const numbers = new Float64Array(count);
  for (let i = 0; i < count; i += 2) {
    let x = 0;
    let y = 0;
    let squared = 0;
    do {
      x = 2 * generator.uniform() - 1;
      y = 2 * generator.uniform() - 1;
      squared = x * x + y * y;
    } while (squared >= 1 || squared === 0);
    const factor = Math.sqrt((-2 * logarithm(squared)) / squared);
    numbers[i] = factor * y;
    // The other half of the pair is the next number; past the end it is dropped.
    if (i + 1 < count) numbers[i + 1] = factor * x;
  }
  return numbers;
}

/**
 * Noise of one level, in float32 as PyTorch computes it: the normal numbers and the level are rounded, then multiplied.
 * @returns [count], for samples laid out as [samples, positions, width]
 */
export function gaussianNoise(seed: number, count: number, level: number): Float32Array {
  const scale = Math.fround(level);
  return Float32Array.from(standardNormal(seed, count), (x) => Math.fround(x) * scale);
}
