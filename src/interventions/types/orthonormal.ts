// Random matrices with orthonormal columns, as `torch.nn.init.orthogonal_` makes them: the QR decomposition of normally
// distributed numbers, with the signs that make the result uniform over all such matrices.

import { orthonormalized } from '../../autodiff/orthonormal.ts';
import { standardNormal } from '../../random/noise.ts';

/**
 * @param rows    at least `columns`
 * @param columns
 * @returns [rows, columns], row-major, computed in float64 and rounded
 * @throws RangeError for more columns than rows
 * @see Mezzadri 2007, "How to generate random matrices from the classical compact groups"
 */
export function randomOrthonormal(rows: number, columns: number, seed: number): Float32Array {
  const found = orthonormalized(standardNormal(seed, rows * columns), rows, columns);
  if (!found)
    throw new RangeError(
      `No ${columns} columns of ${rows} entries are orthonormal; there can be ${rows} at most.`,
    );
  return found;
}

/**
 * Columns completed at random to an orthonormal matrix that begins with them, as PyTorch's `parametrizations.orthogonal` does.
 * @param data [rows, columns] row-major, orthonormal columns
 * @returns    [rows, rows] row-major
 */
export function orthonormalCompletion(
  data: Float32Array,
  rows: number,
  columns: number,
  seed: number,
): Float32Array {
  const others = standardNormal(seed, rows * (rows - columns));
  const all = Float64Array.from({ length: rows * rows }, (_, at) => {
    const [row, column] = [Math.floor(at / rows), at % rows];
    return (
      (column < columns ? data[row * columns + column] : others[row * (rows - columns) + column - columns]) ??
      0
    );
  });
  const found = orthonormalized(all, rows, rows);
  if (!found) throw new RangeError('The columns to complete depend on each other.');
  // Made orthonormal once more they may differ in the last digit.
  for (const [at, value] of data.entries()) found[Math.floor(at / columns) * rows + (at % columns)] = value;
  return found;
}
