// Random matrices with orthonormal columns, as `torch.nn.init.orthogonal_` makes them: the QR decomposition of normally
// distributed numbers, with the signs that make the result uniform over all such matrices.

import { standardNormal } from './noise.ts';

/**
 * @param rows    at least `columns`
 * @param columns
 * @returns [rows, columns], row-major, computed in float64 and rounded: WᵀW differs from the identity by 1e-7 at most
 * @see Mezzadri 2007, "How to generate random matrices from the classical compact groups"
 */
export function randomOrthonormal(rows: number, columns: number, seed: number): Float32Array {
  const normal = standardNormal(seed, rows * columns);
  const basis: Float64Array[] = [];
  for (let column = 0; column < columns; column++) {
    const vector = Float64Array.from({ length: rows }, (_, row) => normal[row * columns + column] ?? 0);
    // Twice: once loses orthogonality when a vector lies nearly in the span of the earlier ones.
    for (let pass = 0; pass < 2; pass++) {
      for (const other of basis) {
        let product = 0;
        for (let row = 0; row < rows; row++) product += (vector[row] ?? 0) * (other[row] ?? 0);
        for (let row = 0; row < rows; row++) vector[row] = (vector[row] ?? 0) - product * (other[row] ?? 0);
      }
    }
    const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
    basis.push(vector.map((x) => x / length));
  }
  const matrix = new Float32Array(rows * columns);
  basis.forEach((vector, column) => {
    vector.forEach((x, row) => {
      matrix[row * columns + column] = x;
    });
  });
  return matrix;
}
