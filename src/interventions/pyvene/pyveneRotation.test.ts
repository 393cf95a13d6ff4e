// The orthogonal layer against rotations worked by hand. Layers that PyTorch made are in pyveneFolder.test.ts.
import { expect, test } from 'vitest';
import { ones } from '../expected/pyveneFolders.ts';
import { layerOf, rotationOf } from './pyveneRotation.ts';

const identity = (size: number): Float32Array =>
  Float32Array.from({ length: size * size }, (_, at) => (at % (size + 1) === 0 ? 1 : 0));

/** The largest distance of an entry of MᵀM, for M [rows, columns], from the identity's. */
function skewness(matrix: Float32Array, rows: number, columns: number): number {
  let most = 0;
  for (let a = 0; a < columns; a++) {
    for (let b = 0; b < columns; b++) {
      let dot = a === b ? -1 : 0;
      for (let row = 0; row < rows; row++) {
        dot += (matrix[row * columns + a] ?? 0) * (matrix[row * columns + b] ?? 0);
      }
      most = Math.max(most, Math.abs(dot));
    }
  }
  return most;
}

test.each([0.3, 2, -40, 1000])(
  'a square layer of two dimensions turns by the angle below its diagonal: %d',
  (angle) => {
    // The diagonal and what is above it do not count.
    const turned = rotationOf({ original: Float32Array.of(5, 7, angle, -3), base: identity(2) }, 2, 2);
    const exact = Math.fround(angle);
    const expected = [Math.cos(exact), -Math.sin(exact), Math.sin(exact), Math.cos(exact)];
    expect(turned).toHaveLength(4);
    for (const [at, value] of expected.entries()) expect(turned?.[at]).toBeCloseTo(value, 6);
  },
);

test('a trained square layer gives orthonormal columns', () => {
  const weight = rotationOf({ original: ones(24, 24).data, base: identity(24) }, 24, 24);
  expect(skewness(weight ?? ones(24, 24).data, 24, 24)).toBeLessThan(1e-6);
});

test('a square layer whose numbers are too large or are none has no rotation', () => {
  const of = (value: number): Float32Array | undefined =>
    rotationOf({ original: Float32Array.of(-1, 0, value, -1), base: identity(2) }, 2, 2);
  expect(of(1e9)).toBeUndefined();
  expect(of(Number.NaN)).toBeUndefined();
  expect(of(Infinity)).toBeUndefined();
});

test('a tall layer of one column reflects the first unit vector', () => {
  // v = (1, 2, 2): H e₁ = e₁ − 2 v / 9 = (7, −4, −4) / 9, and the diagonal −1 turns it round.
  const column = rotationOf({ original: Float32Array.of(-1, 2, 2), base: identity(3) }, 3, 1);
  for (const [at, value] of [-7 / 9, 4 / 9, 4 / 9].entries()) expect(column?.[at]).toBeCloseTo(value, 7);
});

test('a diagonal that is less than 1 gives a column of zeros, as in PyTorch', () => {
  const column = rotationOf({ original: Float32Array.of(-0.9999, 2, 2), base: identity(3) }, 3, 1);
  expect(column?.map(Math.abs)).toEqual(new Float32Array(3));
});

test.each([
  [24, 1],
  [24, 5],
  [24, 23],
  [24, 24],
])(
  'a layer made for a rotation [%i, %i] has exactly that weight, and an orthonormal base',
  (rows, columns) => {
    const whole =
      rotationOf({ original: ones(rows, rows).data, base: identity(rows) }, rows, rows) ?? identity(rows);
    const rotation = whole.filter((_, at) => at % rows < columns);
    const layer = layerOf(rotation, rows, columns);
    expect(rotationOf(layer, rows, columns)).toEqual(rotation);
    expect(skewness(layer.base, rows, rows)).toBeLessThan(1e-6);
  },
);
