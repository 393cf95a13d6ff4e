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
