// Matrices whose columns stay orthonormal while they are trained: rotations, and bases of subspaces.
//
// An optimiser's step is made in the tangent of the manifold and ends in the nearest matrix with orthonormal columns, its
// polar factor, found by Newton-Schulz iterations. For a matrix [n, r] that is a few products with [r, r] matrices, 4 n r²
// operations an iteration, which any backend has a kernel for. The usual parametrisations cost more: the matrix
// exponential a dozen products of [n, n] matrices and their gradients (for n = 576, r = 16 a thousand times as much);
// Cayley's transform an inverse, which ONNX lacks; Householder's r reflections one after another, in a graph as long as r,
// and a product with an [n, n] matrix (`householder.ts`, for paths that are to be PyTorch's).
// The iteration also mends what rounding has done, so that nothing drifts over thousands of steps, and a training may
// start from any W exactly: W is the parameter itself.

import { gemm } from '../onnx/contraction.ts';
import { abs, add, div, mul, sqrt, sub } from '../onnx/elementwise.ts';
import { transpose } from '../onnx/layout.ts';
import { reduceMax, reduceSum } from '../onnx/reduction.ts';
import { constant, type Value } from '../onnx/value.ts';

/** Enough for steps that stretch a direction thirtyfold; a step of usual length converges in four. */
const iterations = 14;

const gram = (a: Value, b: Value): Value => gemm(a, b, { transposeA: true });

/**
 * The part of a direction that lies in the tangent at W: G - W sym(Wᵀ G).
 * @param w         [n, r], orthonormal columns
 * @param direction [n, r]
 * @see Absil, Mahony & Sepulchre 2008, "Optimization Algorithms on Matrix Manifolds", example 3.6.2
 */
export function tangent(w: Value, direction: Value): Value {
  const product = gram(w, direction);
  const symmetric = mul(constant(0.5), add(product, transpose(product, [1, 0])));
  return sub(direction, gemm(w, symmetric));
}

/**
 * The nearest matrix with orthonormal columns, X (Xᵀ X)^(-1/2).
 * @param x [n, r], of full rank
 * @see Higham 2008, "Functions of Matrices", section 8.3
 */
export function polarFactor(x: Value): Value {
  // No singular value is larger than the root of the largest sum of a row of Xᵀ X; below the root of 3 all converge to 1.
  const largest = reduceMax(reduceSum(abs(gram(x, x)), { axes: [1] }));
  let y = div(x, sqrt(largest));
  for (let i = 0; i < iterations; i++) {
    y = sub(mul(constant(1.5), y), gemm(y, mul(constant(0.5), gram(y, y))));
  }
  return y;
}

/**
 * From W to where a step of an optimiser leads, back among the matrices with orthonormal columns.
 * @param w    [n, r], orthonormal columns
 * @param next [n, r], W after the step
 */
export function retracted(w: Value, next: Value): Value {
  // In the tangent no singular value shrinks, whatever an optimiser makes of the entries: none is near 0.
  return polarFactor(add(w, tangent(w, sub(next, w))));
}

/** The largest entry of |Wᵀ W - I|. @param data [rows, columns] row-major */
export function orthonormalGap(data: ArrayLike<number>, rows: number, columns: number): number {
  let largest = 0;
  for (let i = 0; i < columns; i++) {
    for (let j = i; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < rows; k++) sum += (data[k * columns + i] ?? 0) * (data[k * columns + j] ?? 0);
      const gap = Math.abs(sum - (i === j ? 1 : 0));
      // NaN is as far off as can be.
      largest = Number.isNaN(gap) ? Number.POSITIVE_INFINITY : Math.max(largest, gap);
    }
  }
  return largest;
}

/**
 * Columns made orthonormal one after another, in float64; each keeps its direction as far as those before it allow.
 * @param data [rows, columns] row-major
 * @returns    [rows, columns], or undefined when the columns are not independent
 */
export function orthonormalized(
  data: ArrayLike<number>,
  rows: number,
  columns: number,
): Float32Array | undefined {
  const columnsOf = Array.from({ length: columns }, (_, j) =>
    Float64Array.from({ length: rows }, (__, k) => data[k * columns + j] ?? 0),
  );
  const dot = (a: Float64Array, b: Float64Array) => {
    let sum = 0;
    for (let k = 0; k < rows; k++) sum += (a[k] ?? 0) * (b[k] ?? 0);
    return sum;
  };
  for (const [j, column] of columnsOf.entries()) {
    const before = Math.sqrt(dot(column, column));
    // Twice, because the first pass leaves what it rounds away.
    for (const other of [...columnsOf.slice(0, j), ...columnsOf.slice(0, j)]) {
      const share = dot(column, other);
      for (let k = 0; k < rows; k++) column[k] = (column[k] ?? 0) - share * (other[k] ?? 0);
    }
    const length = Math.sqrt(dot(column, column));
    if (!(length > 1e-10 * before)) return undefined;
    for (let k = 0; k < rows; k++) column[k] = (column[k] ?? 0) / length;
  }
  return Float32Array.from({ length: rows * columns }, (_, at) => {
    return columnsOf[at % columns]?.[Math.floor(at / columns)] ?? 0;
  });
}
