// The hash by how often texts that are hard to tell apart share a part of it: as often as numbers drawn at random do, which is
// known from the problem of the birthdays, and no oftener.

import { expect, test } from 'vitest';
import { hashOf } from './hash.ts';
import { standardUniform } from './noise.ts';

test('a text has one hash of 16 hexadecimal digits, however it was put together', () => {
  expect(hashOf('')).toMatch(/^[0-9a-f]{16}$/);
  expect(hashOf(['a', 'b'].join(''))).toBe(hashOf('ab'));
});

const draws = standardUniform(5, 400_000);
/** A number below `limit`, another for each `at`. */
const drawn = (at: number, limit: number): number => Math.floor((draws[at] ?? 0) * limit);

const wave = Uint8Array.from({ length: 120 }, (_, at) => 128 + 100 * Math.sin(at / 5));
const inBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

const families = {
  'sounds that differ by one in four samples': (index: number) => {
    const bytes = wave.slice();
    for (let change = 0; change < 4; change++) {
      const place = drawn(index * 4 + change, bytes.length);
      bytes[place] = (bytes[place] ?? 0) + (index % 2 === 0 ? 1 : -1);
    }
    return inBase64(bytes);
  },
  'pictures with one pixel somewhere': (index: number) => {
    const bytes = new Uint8Array(300);
    bytes[index % 300] = 1 + Math.floor(index / 300);
    return inBase64(bytes);
  },
  'numbers one after the other': (index: number) => `picture ${index}`,
  'texts that differ in the case of letters': (index: number) =>
    Array.from('abcdefghabcdefgh', (letter, at) => ((index >>> at) & 1 ? letter.toUpperCase() : letter)).join(
      '',
    ),
  'letters in another order': (index: number) => {
    const letters = Array.from('ABCDEFGHIJ');
    // Factoradic: another order for each index.
    const order: string[] = [];
    for (let left = index; letters.length > 0; left = Math.floor(left / (letters.length + 1)))
      order.push(...letters.splice(left % letters.length, 1));
    return order.join('');
  },
} satisfies Readonly<Record<string, (index: number) => string>>;

/** 24 of the 64 bits, by places of their digits: of each lane alone, and the low or the high bits of both. */
const parts = { first: [0, 6], second: [10, 16], middle: [5, 11] } as const;
const lowOfBoth = (hash: string): string => hash.slice(5, 8) + hash.slice(13, 16);
const highOfBoth = (hash: string): string => hash.slice(0, 3) + hash.slice(8, 11);

test.each(Object.entries(families))(
  '%s share no hash, and a part of it as seldom as by chance',
  (_, textOf) => {
    const texts = [...new Set(Array.from({ length: 65_000 }, (_, index) => textOf(index)))];
    expect(texts.length).toBeGreaterThan(60_000);
    const hashes = texts.map(hashOf);
    expect(new Set(hashes).size).toBe(texts.length);
    const cuts = [
      ...Object.values(parts).map(
        ([from, to]) =>
          (hash: string) =>
            hash.slice(from, to),
      ),
      lowOfBoth,
      highOfBoth,
    ];
    // Pairs that are expected to meet in 24 bits, and five standard deviations of their number.
    const meetings = texts.length ** 2 / 2 / 2 ** 24;
    for (const cut of cuts) {
      const found = texts.length - new Set(hashes.map(cut)).size;
      expect(Math.abs(found - meetings)).toBeLessThan(5 * Math.sqrt(meetings));
    }
  },
);

test('one bit that differs changes half of the bits of the hash, wherever in the text it is', () => {
  const length = 64;
  const changed = Array.from({ length: 2000 }, (_, index) => {
    const codes = Array.from({ length }, (_, at) => 32 + drawn(index * length + at, 90));
    const place = index % length;
    const other = codes.map((code, at) => (at === place ? code ^ (1 << (index % 7)) : code));
    const [one, two] = [codes, other].map((each) => BigInt(`0x${hashOf(String.fromCharCode(...each))}`));
    return (one ?? 0n) ^ (two ?? 0n);
  });
  for (let bit = 0n; bit < 64n; bit++) {
    const share = changed.filter((bits) => (bits >> bit) & 1n).length / changed.length;
    // Five standard deviations of a share of 2000.
    expect(Math.abs(share - 0.5)).toBeLessThan(5 * Math.sqrt(0.25 / 2000));
  }
});
