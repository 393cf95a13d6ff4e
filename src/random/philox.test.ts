import { expect, test } from 'vitest';
import { SeedError } from './noise.ts';
import { philox, uniformAt } from './philox.ts';

// The known answers of Random123 (kat_vectors, philox4x32 with ten rounds).
test.each([
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
] as const)('Philox of %j gives the published words', (counter, key, words) => {
  expect(philox(counter, key)).toEqual(words);
});

test('a number belongs to its place: seeds, samples and positions differ, and nothing else does', () => {
  const at = (seed: number, sample: number, position: number) => uniformAt(seed, sample, position);
  expect(at(1, 2, 3)).toBe(at(1, 2, 3));
  expect(new Set([at(1, 2, 3), at(2, 2, 3), at(1, 3, 2), at(1, 2, 4)]).size).toBe(4);
  expect(() => at(-1, 0, 0)).toThrow(SeedError);
});
