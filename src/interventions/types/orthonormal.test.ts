import { expect, test } from 'vitest';
import { orthonormalGap } from '../../autodiff/orthonormal.ts';
import { orthonormalCompletion, randomOrthonormal } from './orthonormal.ts';

test.each([
  [24, 24],
  [40, 3],
])('a random matrix of %d by %d has orthonormal columns, others for another seed', (rows, columns) => {
  const found = randomOrthonormal(rows, columns, 5);
  expect(found.length).toBe(rows * columns);
  expect(orthonormalGap(found, rows, columns)).toBeLessThan(1e-6);
  expect(randomOrthonormal(rows, columns, 6)).not.toEqual(found);
});

test('its first column points where NumPy\u2019s normal numbers do', () => {
  // numpy.random.RandomState(1).randn(3, 2)[:, 0], divided by its length.
  const column = [1.6243453636632417, -0.5281717522634557, 0.8654076293246785];
  const length = Math.hypot(...column);
  const found = randomOrthonormal(3, 2, 1);
  column.forEach((x, row) => {
    expect(found[2 * row]).toBeCloseTo(x / length, 6);
  });
  expect(() => randomOrthonormal(2, 3, 1)).toThrow(
    'No 3 columns of 2 entries are orthonormal; there can be 2 at most.',
  );
});

test('columns are completed to an orthonormal matrix that begins with them, to the last digit', () => {
  const data = randomOrthonormal(12, 3, 5);
  const found = orthonormalCompletion(data, 12, 3, 8);
  expect(orthonormalGap(found, 12, 12)).toBeLessThan(1e-6);
  data.forEach((x, at) => {
    expect(found[Math.floor(at / 3) * 12 + (at % 3)]).toBe(x);
  });
  expect(orthonormalCompletion(data, 12, 3, 9)[11]).not.toBe(found[11]);
});
