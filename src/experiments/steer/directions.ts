// Vectors from states: what tells those of one class from those of the other. All in float64; states are [examples][width].

import { ExperimentError } from '../experimentFile.ts';

export type States = readonly Float32Array[];

/** @throws ExperimentError for a class without examples, and states of several widths or that are NaN or infinite */
export function checkClasses(positive: States, negative: States): void {
  for (const [name, states] of [
    ['positive', positive],
    ['negative', negative],
  ] as const)
    if (states.length === 0)
      throw new ExperimentError(
        `There is no ${name} example, so there is nothing to tell apart. Give examples of both classes.`,
      );
  const all = [...positive, ...negative];
  const width = all[0]?.length ?? 0;
  if (all.some((state) => state.length !== width))
    throw new ExperimentError('The states of the examples have different widths. Read them at one site.');
  if (!all.every((state) => state.every(Number.isFinite)))
    throw new ExperimentError(
      'A state holds a NaN or infinite value. The weights of the model may be damaged.',
    );
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] ?? 0) * (b[at] ?? 0);
  return sum;
};

export function meanOf(states: States): Float64Array {
  const mean = new Float64Array(states[0]?.length ?? 0);
  for (const state of states)
    for (let at = 0; at < mean.length; at++) mean[at] = (mean[at] ?? 0) + (state[at] ?? 0);
  return mean.map((sum) => sum / states.length);
}

const minus = (a: ArrayLike<number>, b: ArrayLike<number>): Float64Array =>
  Float64Array.from({ length: a.length }, (_, at) => (a[at] ?? 0) - (b[at] ?? 0));

/** In [-1, 1]; 0 where one of them has no length. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const lengths = Math.sqrt(dot(a, a) * dot(b, b));
  return lengths > 0 ? dot(a, b) / lengths : 0;
}

/**
 * mean(positive) - mean(negative), at its own length. Of pairs it is the mean of their differences.
 * @see Rimsky et al. 2024, "Steering Llama 2 via Contrastive Activation Addition"
 */
export function differenceOfMeans(positive: States, negative: States): Float32Array {
  checkClasses(positive, negative);
  return Float32Array.from(minus(meanOf(positive), meanOf(negative)));
}

/**
 * The first right singular vector, by power iteration on the products of rows with each other, of which there are few.
 * @param rows [rows][width]
 */
function firstDirection(rows: readonly Float64Array[]): Float64Array {
  const products = rows.map((a) => rows.map((b) => dot(a, b)));
  // A start that no symmetry of the rows can be orthogonal to by construction.
  let weights = rows.map((_, row) => 1 + Math.sin(row + 1) / 3);
  for (let turn = 0; turn < 2000; turn++) {
    const next = products.map((row) => dot(row, weights));
    const length = Math.sqrt(dot(next, next));
    if (length === 0) break;
    const unit = next.map((entry) => entry / length);
    const moved = Math.hypot(...unit.map((entry, at) => entry - (weights[at] ?? 0)));
    weights = unit;
    if (moved < 1e-12) break;
  }
  const direction = new Float64Array(rows[0]?.length ?? 0);
  rows.forEach((row, index) => {
    for (let at = 0; at < direction.length; at++)
      direction[at] = (direction[at] ?? 0) + (weights[index] ?? 0) * (row[at] ?? 0);
  });
  const length = Math.sqrt(dot(direction, direction));
  if (length === 0)
    throw new ExperimentError(
      'The differences of the pairs do not vary, and have no principal direction. Use the difference of means.',
    );
  return direction.map((entry) => entry / length);
}

/**
 * Two principal directions go by one name, and are not the same vector:
 * - `differences`: of h⁺ - h⁻, centred. Centring takes away the mean difference itself: what is left is how pairs vary around it
 * - `centred pairs`: of ±(h⁺ - h⁻) / 2, whose mean is 0, so that nothing is taken away
 */
export type PrincipalKind = 'differences' | 'centred pairs';

/**
 * Of unit length, turned so that in most pairs the positive one projects higher.
 * @param positive and `negative` in pairs
 * @throws ExperimentError when they are no pairs
 */
export function principalDirection(positive: States, negative: States, kind: PrincipalKind): Float32Array {
  checkClasses(positive, negative);
  if (positive.length !== negative.length)
    throw new ExperimentError(
      `There are ${positive.length} positive examples and ${negative.length} negative ones, and principal directions are of pairs. Give as many.`,
    );
  const differences = positive.map((state, pair) => minus(state, negative[pair] ?? state));
  const mean = meanOf(differences.map((difference) => Float32Array.from(difference)));
  const rows =
    kind === 'differences'
      ? differences.map((difference) => minus(difference, mean))
      : differences.flatMap((difference) => [
          difference.map((entry) => entry / 2),
          difference.map((entry) => -entry / 2),
        ]);
  const direction = firstDirection(rows);
  const higher = differences.filter((difference) => dot(difference, direction) > 0).length;
  const sign = 2 * higher >= differences.length ? 1 : -1;
  return Float32Array.from(direction, (entry) => sign * entry);
}

/** Where the projection of a state tells the classes apart: half way between those of their means. */
export function thresholdOf(direction: ArrayLike<number>, positive: States, negative: States): number {
  return (dot(meanOf(positive), direction) + dot(meanOf(negative), direction)) / 2;
}

/** The share of states on their side of the threshold. */
export function accuracyOf(
  direction: ArrayLike<number>,
  threshold: number,
  positive: States,
  negative: States,
): number {
  const right =
    positive.filter((state) => dot(state, direction) > threshold).length +
    negative.filter((state) => dot(state, direction) <= threshold).length;
  return right / (positive.length + negative.length);
}

/** The spread of projections on a direction, over n - 1: the unit in which inference-time intervention measures. */
export function projectionSpread(direction: ArrayLike<number>, states: States): number {
  const projections = states.map((state) => dot(state, direction));
  const mean = projections.reduce((sum, x) => sum + x, 0) / projections.length;
  return Math.sqrt(projections.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (projections.length - 1));
}

/** Cosine of the vectors that a method makes of the examples of even and of odd places: how much a vector depends on the examples. */
export function splitHalfCosine(
  positive: States,
  negative: States,
  method: (positive: States, negative: States) => ArrayLike<number>,
): number {
  const half = (states: States, parity: number) => states.filter((_, at) => at % 2 === parity);
  return cosine(method(half(positive, 0), half(negative, 0)), method(half(positive, 1), half(negative, 1)));
}
