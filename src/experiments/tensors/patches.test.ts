import { expect, test } from 'vitest';
import { tensorFrom } from '../../imported/tensor.ts';
import { aspectEntry, patchesAlong, patchesOf, pictureSize } from './patches.ts';

const picture = { height: 224, width: 224 };

test('positions of a transformer over square patches are patches behind the tokens that stand for none', () => {
  expect(patchesAlong(197, picture)).toEqual({ rows: 14, columns: 14, first: 1 });
  expect(patchesAlong(196, picture)).toEqual({ rows: 14, columns: 14, first: 0 });
  expect(patchesAlong(198, picture)).toEqual({ rows: 14, columns: 14, first: 2 });
  expect(patchesAlong(1 + 8 * 6, { height: 64, width: 48 })).toEqual({ rows: 8, columns: 6, first: 1 });
  expect(patchesAlong(150, picture)).toBe(undefined);
  expect(patchesAlong(197, undefined)).toBe(undefined);
});

test('places of a map are patches as they are, and positions taken together are none', () => {
  expect(patchesOf([8, 6], [40, 60], picture)).toEqual({ rows: 8, columns: 6, first: 0 });
  expect(patchesOf([197], [197], picture)).toEqual({ rows: 14, columns: 14, first: 1 });
  expect(patchesOf([64], [197], picture)).toBe(undefined);
  expect(patchesOf([], [], picture)).toBe(undefined);
});

test('a picture is floating-point numbers along four axes, one of them colours', () => {
  const of = (shape: readonly number[], dtype: 'float32' | 'int64' = 'float32') =>
    pictureSize({ x: tensorFrom(dtype, shape, () => 0) });
  expect(of([1, 3, 4, 6])).toEqual({ height: 4, width: 6 });
  expect(of([1, 4, 6, 3])).toEqual({ height: 6, width: 3 });
  expect(of([1, 5, 6, 3])).toEqual({ height: 5, width: 6 });
  expect(of([1, 12, 7, 7])).toBe(undefined);
  expect(of([1, 3, 4, 6], 'int64')).toBe(undefined);
});

test('a picture that is no square says how many times as wide as high it is', () => {
  const inputs = (shape: readonly number[]) => ({ x: tensorFrom('float32', shape, () => 0) });
  expect(aspectEntry(inputs([1, 3, 48, 192]))).toEqual({ aspect: 4 });
  expect(aspectEntry(inputs([1, 8, 8, 3]))).toEqual({});
  expect(aspectEntry(inputs([1, 12]))).toEqual({});
});
