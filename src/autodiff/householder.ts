// Orthonormal columns behind Householder vectors: the way in which PyTorch's `parametrizations.orthogonal` trains a matrix of
// more rows than columns, and so pyvene and pyreft train their rotations of low rank. An optimiser steps on the vectors, which
// are free, and the columns follow from them. `orthonormal.ts` is the shorter way, with a path of its own to the same end;
// this one is for paths that are to be compared step by step.
//
// What the columns follow from is a fixed orthonormal matrix, too: PyTorch begins with vectors that make its first columns
// the start, and fills the others at random. An optimiser that scales entry by entry depends on them.

import { gemm } from '../onnx/contraction.ts';
import { add, div, mul, neg, sub } from '../onnx/elementwise.ts';
import { slice } from '../onnx/layout.ts';
import { reduceSum } from '../onnx/reduction.ts';
import { constant, ShapeError, type Value } from '../onnx/value.ts';

/** A matrix [rows, columns] by what stands at each place. */
function filled(rows: number, columns: number, entry: (row: number, column: number) => number): Value {
  const data = Float32Array.from({ length: rows * columns }, (_, at) =>
    entry(Math.floor(at / columns), at % columns),
  );
  return constant(data, [rows, columns]);
}

/**
 *     W = -B H_1 ... H_r I,    H_j = I - 2 v_j v_jᵀ / |v_j|²,    v_j = (0, ..., 0, 1, x_j+1,j, ..., x_n,j)
 *
 * I are the first r columns of the identity. What stands on the diagonal of X and above is not read; of zeros, W are the
 * first columns of B. PyTorch multiplies by the diagonal, which it starts at -1 and gives no gradient.
 *
 * @param completion B [n, n], orthonormal
 * @param vectors    X [n, r], r below n
 * @returns          W [n, r], orthonormal columns
 * @throws ShapeError when the shapes do not fit
 * @see Golub & Van Loan 2013, "Matrix Computations", section 5.1.6; PyTorch's `torch.linalg.householder_product`
 */
export function householderColumns(completion: Value, vectors: Value): Value {
  const [rows, columns] = vectors.shape;
  if (typeof rows !== 'number' || typeof columns !== 'number' || columns >= rows)
    throw new ShapeError(
      `Householder vectors are a matrix of more rows than columns, not [${vectors.shape.join(', ')}].`,
    );
  const identity = filled(rows, columns, (row, column) => Number(row === column));
  const below = filled(rows, columns, (row, column) => Number(row > column));
  const all = add(mul(below, vectors), identity);
  let product = identity;
  for (let column = columns - 1; column >= 0; column--) {
    const v = slice(all, 1, column, column + 1);
    const scale = div(constant(2), reduceSum(mul(v, v)));
    product = sub(product, mul(mul(scale, v), gemm(v, product, { transposeA: true })));
  }
  return neg(gemm(completion, product));
}
