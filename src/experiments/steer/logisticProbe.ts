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
 * Orthonormal rows that span some states, by Gram and Schmidt, twice over for the digits.
 * @returns the states in these coordinates, and what brings weights back: [states][rank], [rank][width]
 */
function spanOf(states: States): {
  readonly coordinates: readonly Float64Array[];
  readonly basis: readonly Float64Array[];
} {
  const basis: Float64Array[] = [];
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => {
    let sum = 0;
    for (let at = 0; at < a.length; at++) sum += (a[at] ?? 0) * (b[at] ?? 0);
    return sum;
  };
  for (const state of states) {
    const rest = Float64Array.from(state);
    const length = Math.sqrt(dot(rest, rest));
    for (let turn = 0; turn < 2; turn++)
      for (const direction of basis) {
        const share = dot(rest, direction);
        for (let at = 0; at < rest.length; at++) rest[at] = (rest[at] ?? 0) - share * (direction[at] ?? 0);
      }
    const left = Math.sqrt(dot(rest, rest));
    // What is left of a state that the others span is rounding.
    if (left > 1e-10 * length) basis.push(rest.map((entry) => entry / left));
  }
  return {
    coordinates: states.map((state) => Float64Array.from(basis, (direction) => dot(state, direction))),
    basis,
  };
}

/**
 * Minimise |w|² / 2 + C Σ log(1 + exp(-y (w·x + b))), b without a penalty, by Newton's method: scikit-learn's
 * LogisticRegression with its default penalty. The weights lie in the span of the examples, so that where those are fewer
 * than the entries of a state, they are found there.
 * @param strength C; default 1
 * @throws ExperimentError as `checkClasses` does
 */
export function logisticProbe(positive: States, negative: States, strength = 1): Probe {
  checkClasses(positive, negative);
  const width = positive[0]?.length ?? 0;
  const states = [...positive, ...negative];
  const labels = states.map((_, at) => (at < positive.length ? 1 : 0));
  if (states.length >= width) {
    const { weights, bias } = minimise(states, labels, strength);
    return { weights: Float32Array.from(weights), bias };
  }
  const { coordinates, basis } = spanOf(states);
  const { weights, bias } = minimise(coordinates, labels, strength);
  return {
    weights: Float32Array.from({ length: width }, (_, at) =>
      basis.reduce((sum, direction, row) => sum + (weights[row] ?? 0) * (direction[at] ?? 0), 0),
    ),
    bias,
  };
}

/** Newton's method. @param labels 0 or 1 */
function minimise(
  states: readonly ArrayLike<number>[],
  labels: readonly number[],
  strength: number,
): { readonly weights: Float64Array; readonly bias: number } {
  const width = states[0]?.length ?? 0;
  const size = width + 1;
  /** The bias is the last, of a feature that is always 1. */
  let solution = new Float64Array(size);
  const feature = (state: ArrayLike<number>, at: number): number => (at < width ? (state[at] ?? 0) : 1);
  const scoreOf = (weights: Float64Array, state: ArrayLike<number>): number => {
    let score = 0;
    for (let at = 0; at < size; at++) score += (weights[at] ?? 0) * feature(state, at);
    return score;
  };
  const objective = (weights: Float64Array): number => {
    let sum = 0;
    for (let at = 0; at < width; at++) sum += (weights[at] ?? 0) ** 2 / 2;
    states.forEach((state, place) => {
      const margin = scoreOf(weights, state) * (labels[place] === 1 ? 1 : -1);
      sum += strength * (margin > 0 ? Math.log1p(Math.exp(-margin)) : Math.log1p(Math.exp(margin)) - margin);
    });
    return sum;
  };
  for (let turn = 0; turn < 100; turn++) {
    const gradient = new Float64Array(size);
    const hessian = new Float64Array(size * size);
    for (let at = 0; at < size; at++) {
      // A trace of a penalty keeps the bias's place in the matrix positive where all examples are far from the border.
      hessian[at * size + at] = at < width ? 1 : 1e-12;
      gradient[at] = at < width ? (solution[at] ?? 0) : 0;
    }
    for (const [place, state] of states.entries()) {
      const label = labels[place] ?? 0;
      const share = 1 / (1 + Math.exp(-scoreOf(solution, state)));
      const curvature = strength * share * (1 - share);
      for (let a = 0; a < size; a++) {
        const own = feature(state, a);
        gradient[a] = (gradient[a] ?? 0) + strength * (share - label) * own;
        for (let b = 0; b <= a; b++)
          hessian[a * size + b] = (hessian[a * size + b] ?? 0) + curvature * own * feature(state, b);
      }
    }
    const step = solve(hessian, gradient);
    if (step.every((entry) => Math.abs(entry) < 1e-9)) break;
    const before = objective(solution);
    const after = (share: number) => solution.map((entry, at) => entry - share * (step[at] ?? 0));
    // A whole step may go too far where the examples are far from the border.
    let share = 1;
    while (share > 1e-6 && !(objective(after(share)) <= before)) share /= 2;
    solution = after(share);
  }
  return { weights: solution.slice(0, width), bias: solution[width] ?? 0 };
}
