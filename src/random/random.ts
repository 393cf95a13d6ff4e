// Orders drawn at random: which examples test, and in which order an epoch takes the others.

import { standardUniform } from './noise.ts';

/** The numbers 0 to count - 1 in an order that the seed decides (Fisher and Yates). */
export function shuffled(count: number, seed: number): readonly number[] {
  const order = Array.from({ length: count }, (_, at) => at);
  const numbers = standardUniform(seed, count);
  for (let at = count - 1; at > 0; at--) {
    const other = Math.floor((numbers[at] ?? 0) * (at + 1));
    [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
  }
  return order;
}

/** Seeds of several draws from one seed, apart from each other and within what the generator takes. */
export const seedOf = (seed: number, draw: number): number => (seed + Math.imul(draw, 0x9e3779b1)) >>> 0;
