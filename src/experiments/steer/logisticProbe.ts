// A linear probe: logistic regression with a penalty on its weights, as scikit-learn fits it.

import { checkClasses, type States } from './directions.ts';

export interface Probe {
  /** [width] */
  readonly weights: Float32Array;
  readonly bias: number;
}

/** Solve A x = b for a symmetric positive definite A, [size * size], by Cholesky's factors. */
function solve(matrix: Float64Array, right: Float64Array): Float64Array {
  const size = right.length;
  const factor = new Float64Array(matrix);
  const at = (row: number, column: number) => factor[row * size + column] ?? 0;
  for (let column = 0; column < size; column++) {
    let pivot = at(column, column);
    for (let k = 0; k < column; k++) pivot -= at(column, k) ** 2;
    const root = Math.sqrt(pivot);
    factor[column * size + column] = root;
    for (let row = column + 1; row < size; row++) {
      let sum = at(row, column);
      for (let k = 0; k < column; k++) sum -= at(row, k) * at(column, k);
      factor[row * size + column] = sum / root;
    }
  }
  const x = new Float64Array(right);
  for (let row = 0; row < size; row++) {
    let sum = x[row] ?? 0;
    for (let k = 0; k < row; k++) sum -= at(row, k) * (x[k] ?? 0);
    x[row] = sum / at(row, row);
  }
  for (let row = size - 1; row >= 0; row--) {
    let sum = x[row] ?? 0;
    for (let k = row + 1; k < size; k++) sum -= at(k, row) * (x[k] ?? 0);
    x[row] = sum / at(row, row);
  }
  return x;
}

/**
 * Minimise |w|² / 2 + C Σ log(1 + exp(-y (w·x + b))), b without a penalty, by Newton's method: scikit-learn's
 * LogisticRegression with its default penalty. For states of some hundred entries, such as those of a head.
 * @param strength C; default 1
 * @throws ExperimentError as `checkClasses` does
 */
export function logisticProbe(positive: States, negative: States, strength = 1): Probe {
  checkClasses(positive, negative);
  const width = positive[0]?.length ?? 0;
  const size = width + 1;
  const rows = [
    ...positive.map((state) => ({ state, label: 1 })),
    ...negative.map((state) => ({ state, label: 0 })),
  ];
  /** The bias is the last, of a feature that is always 1. */
  let solution = new Float64Array(size);
  const feature = (state: Float32Array, at: number): number => (at < width ? (state[at] ?? 0) : 1);
  for (let turn = 0; turn < 100; turn++) {
    const gradient = new Float64Array(size);
    const hessian = new Float64Array(size * size);
    for (let at = 0; at < size; at++) {
      // A trace of a penalty keeps the bias's place in the matrix positive where all examples are far from the border.
      hessian[at * size + at] = at < width ? 1 : 1e-12;
      gradient[at] = at < width ? (solution[at] ?? 0) : 0;
    }
    for (const { state, label } of rows) {
      let score = 0;
      for (let at = 0; at < size; at++) score += (solution[at] ?? 0) * feature(state, at);
      const share = 1 / (1 + Math.exp(-score));
      const curvature = strength * share * (1 - share);
      for (let a = 0; a < size; a++) {
        const own = feature(state, a);
        gradient[a] = (gradient[a] ?? 0) + strength * (share - label) * own;
        for (let b = 0; b <= a; b++)
          hessian[a * size + b] = (hessian[a * size + b] ?? 0) + curvature * own * feature(state, b);
      }
    }
    const step = solve(hessian, gradient);
    solution = solution.map((entry, at) => entry - (step[at] ?? 0));
    if (step.every((entry) => Math.abs(entry) < 1e-9)) break;
  }
  return { weights: Float32Array.from(solution.subarray(0, width)), bias: solution[width] ?? 0 };
}
