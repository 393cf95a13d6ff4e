import { describe, expect, test } from 'vitest';
import { gemm } from '../onnx/contraction.ts';
import { input } from '../onnx/value.ts';
import { evaluate } from './expected/evaluate.ts';
import { orthonormalGap, orthonormalized, polarFactor, retracted, tangent } from './orthonormal.ts';

// Of a plain sine, columns would lie in one plane.
function waves(count: number, step: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => Math.sin(step * (i + 1) ** 2));
}

const [rows, columns] = [12, 5];
const start = orthonormalized(waves(rows * columns, 2.399), rows, columns) ?? new Float32Array();
const w = input('w', 'float32', [rows, columns]);
const x = input('x', 'float32', [rows, columns]);
const tensor = (data: ArrayLike<number>) => ({ shape: [rows, columns], data: Float64Array.from(data) });

describe('columns that are made orthonormal', () => {
  test('are so to the last digits of float32, and span what they spanned', () => {
    expect(orthonormalGap(start, rows, columns)).toBeLessThan(2e-7);
    // Each old column is a combination of the new ones: projected on them it is itself.
    const old = waves(rows * columns, 2.399);
    const { projected } = evaluate(
      { projected: gemm(w, gemm(w, x, { transposeA: true })) },
      { w: tensor(start), x: tensor(old) },
    );
    for (const [i, value] of old.entries()) expect(projected?.data[i]).toBeCloseTo(value, 6);
  });

  test('keep the first direction', () => {
    const [a = 0, b = 0] = orthonormalized([3, 1, 4, 1], 2, 2)?.filter((_, i) => i % 2 === 0) ?? [];
    expect(a).toBeCloseTo(0.6, 7);
    expect(b).toBeCloseTo(0.8, 7);
  });

  test('do not exist where columns depend on each other, or are NaN or infinite', () => {
    expect(orthonormalized([1, 2, 2, 4, 3, 6], 3, 2)).toBeUndefined();
    expect(orthonormalized([0, 0], 2, 1)).toBeUndefined();
    expect(orthonormalized([Number.NaN, 1], 2, 1)).toBeUndefined();
    expect(orthonormalGap([Number.NaN, 1], 2, 1)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('the polar factor', () => {
  test('of a matrix with known singular vectors is their product', () => {
    // X = U diag(s) Vᵀ, whose polar factor is U Vᵀ; the singular values lie twentyfold apart.
    const v = orthonormalized(waves(columns * columns, 0.7), columns, columns) ?? new Float32Array();
    const s = [0.9, 1, 3, 7, 20];
    const scaled = start.map((entry, at) => entry * (s[at % columns] ?? 0));
    const times = (a: ArrayLike<number>) =>
      Float64Array.from({ length: rows * columns }, (_, at) => {
        const [row, column] = [Math.floor(at / columns), at % columns];
        let sum = 0;
        for (let k = 0; k < columns; k++) sum += (a[row * columns + k] ?? 0) * (v[column * columns + k] ?? 0);
        return sum;
      });
    const { found } = evaluate({ found: polarFactor(x) }, { x: tensor(times(scaled)) });
    const expected = times(start);
    for (const [i, value] of expected.entries()) expect(found?.data[i]).toBeCloseTo(value, 6);
  });

  test('of a matrix that has orthonormal columns is the matrix itself', () => {
    const { found } = evaluate({ found: polarFactor(x) }, { x: tensor(start) });
    for (const [i, value] of start.entries()) expect(found?.data[i]).toBeCloseTo(value, 6);
  });
});

describe('a step from a matrix with orthonormal columns', () => {
  test('goes along the tangent: its first order keeps Wᵀ W', () => {
    const { direction } = evaluate(
      { direction: tangent(w, x) },
      { w: tensor(start), x: tensor(waves(60, 1.1)) },
    );
    const { product } = evaluate(
      { product: gemm(w, x, { transposeA: true }) },
      { w: tensor(start), x: tensor(direction?.data ?? []) },
    );
    for (let i = 0; i < columns; i++)
      for (let j = 0; j < columns; j++) {
        const skew = (product?.data[i * columns + j] ?? 1) + (product?.data[j * columns + i] ?? 1);
        expect(Math.abs(skew)).toBeLessThan(1e-6);
      }
  });

  test.each([1e-6, 1e-2, 1, 10])('ends in such a matrix, whatever its length: %f', (length) => {
    const next = start.map((entry, i) => entry + length * Math.sin(1.1 * (i + 1)));
    const { found } = evaluate({ found: retracted(w, x) }, { w: tensor(start), x: tensor(next) });
    expect(orthonormalGap(found?.data ?? [], rows, columns)).toBeLessThan(1e-6);
  });
});
