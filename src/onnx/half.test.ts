import { expect, test } from 'vitest';
import { isNoFiniteHalf, largestHalf, toHalf } from './half.ts';

/** The number of a finite float16, by the formula of IEEE 754. */
function numberOf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

const finite = Uint16Array.from({ length: 65_536 }, (_, half) => half).filter(
  (half) => !isNoFiniteHalf(half),
);

test('every finite float16 is found again from its number', () => {
  expect(finite.length).toBe(63_488);
  expect(toHalf(Array.from(finite, numberOf))).toEqual(finite);
});

test('a number between two float16 becomes the nearer one, and half way between them the even one', () => {
  for (const half of finite.filter((each) => each < 0x7bff)) {
    const [below, above] = [numberOf(half), numberOf(half + 1)];
    const middle = (below + above) / 2;
    const gap = above - below;
    const even = half % 2 === 0 ? half : half + 1;
    // float32 has room for these: 13 more bits of fraction.
    const found = toHalf([middle, middle - gap / 1024, middle + gap / 1024, -middle]);
    expect([...found]).toEqual([even, half, half + 1, even | 0x8000]);
  }
});

test('what is larger than float16 can say is infinite, and NaN stays NaN', () => {
  expect([...toHalf([largestHalf, 65_519, 65_520, -1e30, Number.POSITIVE_INFINITY, 1e-9, -1e-9])]).toEqual([
    0x7bff, 0x7bff, 0x7c00, 0xfc00, 0x7c00, 0, 0x8000,
  ]);
  expect([...toHalf([Number.NaN])].map((half) => half & 0x7fff)).toEqual([0x7e00]);
});
