import { expect, test } from 'vitest';
import { coordinates, cosine, fromCoordinates, separating, separationOf } from './directions.ts';

/** Two groups of four in three dimensions; their means are (1, 0, 0) and (3, 2, 0), and within they spread along z. */
const grouped = {
  width: 3,
  vectors: Float32Array.from([
    ...[1, 0, 2, 1, 0, -2, 1, 0, 1, 1, 0, -1],
    ...[3, 2, 2, 3, 2, -2, 3, 2, 1, 3, 2, -1],
  ]),
  groups: [0, 0, 0, 0, 1, 1, 1, 1],
  groupCount: 2,
};

test('of two groups the separating direction is the difference of their means, turned to the second', () => {
  const direction = separating(grouped);
  expect(cosine(direction, [2, 2, 0])).toBeCloseTo(1, 10);
  expect(cosine(separating({ ...grouped, groups: [1, 1, 1, 1, 0, 0, 0, 0] }), [2, 2, 0])).toBeCloseTo(-1, 10);
});

test('what is left beside it is the direction of the greatest spread', () => {
  const second = separating(grouped, [separating(grouped)]);
  expect(Math.abs(cosine(second, [0, 0, 1]))).toBeCloseTo(1, 10);
  expect(separating({ ...grouped, vectors: new Float32Array(24) })).toEqual(new Float64Array(3));
});

test('three groups on a line are separated along it', () => {
  const vectors = Float32Array.from([0, 0, 1, 2, 2, 4]);
  const direction = separating({ width: 2, vectors, groups: [0, 1, 2], groupCount: 3 });
  expect(cosine(direction, [1, 2])).toBeCloseTo(1, 10);
});

test('a direction comes back from its coordinates in a space of columns', () => {
  const half = Math.SQRT1_2;
  const basis = { columns: Float32Array.from([half, 0, half, 0, 0, 1]), rank: 2 };
  expect([...coordinates({ vectors: Float32Array.from([2, 4, 5]), width: 3 }, basis)]).toEqual([
    expect.closeTo(6 * half, 5),
    5,
  ]);
  expect([...fromCoordinates(basis, [1, 2])]).toEqual([expect.closeTo(half, 6), expect.closeTo(half, 6), 2]);
});

test('separation is measured in deviations within the groups', () => {
  // Means 1 and 6; deviations from them -1, 0, 1 each: the pooled variance is 4 / (6 - 2) = 1.
  const separation = separationOf([0, 1, 2, 5, 6, 7], [0, 0, 0, 1, 1, 1], 2);
  expect(separation?.distance).toBeCloseTo(5, 10);
  expect(separation?.nearest).toBe(1);
  // 4 within of 4 + 6 * 2.5² in all.
  expect(separation?.between).toBeCloseTo(1 - 4 / 41.5, 10);
  expect(separationOf([0, 1], [0, 0], 1)).toBeNull();
  expect(separationOf([0, 1], [0, 0], 2)).toBeNull();
});
