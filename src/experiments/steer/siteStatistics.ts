// What is known of a vector at one site: lengths, spreads, how well it tells texts apart that it was not made of, and how
// much it depends on which texts it was made of.

import {
  accuracyOf,
  cosine,
  differenceOfMeans,
  principalDirection,
  projectionSpread,
  type States,
  thresholdOf,
} from './directions.ts';
import type { VectorMethod } from './experiment.ts';
import { logisticProbe } from './logisticProbe.ts';

/** A method that makes one vector of the states of two classes. */
export type ClassMethod = Exclude<VectorMethod, 'activation-addition'>;

/** A vector, and where its projection tells the classes apart. */
interface Divider {
  readonly vector: Float32Array;
  readonly threshold: number;
}

/** @throws ExperimentError as the methods do */
export function makeVector(method: ClassMethod, positive: States, negative: States): Float32Array {
  switch (method) {
    case 'difference':
      return differenceOfMeans(positive, negative);
    case 'pca-centred':
      return principalDirection(positive, negative, 'centred pairs');
    case 'pca-differences':
      return principalDirection(positive, negative, 'differences');
    case 'probe':
      return logisticProbe(positive, negative).weights;
    default:
      return method satisfies never;
  }
}

function divider(method: ClassMethod, positive: States, negative: States): Divider {
  if (method === 'probe') {
    // A probe has a border of its own.
    const { weights, bias } = logisticProbe(positive, negative);
    return { vector: weights, threshold: -bias };
  }
  const vector = makeVector(method, positive, negative);
  return { vector, threshold: thresholdOf(vector, positive, negative) };
}

/** Texts of even and of odd places: pairs stay together. */
const halfOf = (states: States, parity: number): States => states.filter((_, at) => at % 2 === parity);

/** Texts of a class that each half needs: two differences of pairs vary, one does not. */
const fewestOfHalf = (method: ClassMethod): number => (method === 'pca-differences' ? 2 : 1);

const canHalve = (method: ClassMethod, positive: States, negative: States): boolean =>
  Math.min(positive.length, negative.length) >= 2 * fewestOfHalf(method);

/** The share of texts that the vector of the half that they are not in puts on their side; null of too few. */
export function heldOutAccuracy(method: ClassMethod, positive: States, negative: States): number | null {
  if (!canHalve(method, positive, negative)) return null;
  let right = 0;
  for (const parity of [0, 1]) {
    const { vector, threshold } = divider(method, halfOf(positive, parity), halfOf(negative, parity));
    const [plus, minus] = [halfOf(positive, 1 - parity), halfOf(negative, 1 - parity)];
    right += accuracyOf(vector, threshold, plus, minus) * (plus.length + minus.length);
  }
  return right / (positive.length + negative.length);
}

function stabilityOf(method: ClassMethod, positive: States, negative: States): number | null {
  if (!canHalve(method, positive, negative)) return null;
  const of = (parity: number) => makeVector(method, halfOf(positive, parity), halfOf(negative, parity));
  return cosine(of(0), of(1));
}

/** Of an even number the mean of the middle two. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

export const lengthOf = (vector: ArrayLike<number>): number => {
  let sum = 0;
  for (let at = 0; at < vector.length; at++) sum += (vector[at] ?? 0) ** 2;
  return Math.sqrt(sum);
};

/** [width], of unit length; as it is where it has none. */
export function toUnit(vector: Float32Array): Float32Array {
  const length = lengthOf(vector);
  return length > 0 ? vector.map((entry) => entry / length) : vector;
}

export interface StateMeasures {
  readonly norm: number;
  readonly medianNorm: number | null;
  readonly spread: number | null;
}

/** The units of strength at a site. @param states those that were read, of both classes */
export function measureStates(vector: Float32Array, states: States): StateMeasures {
  return {
    norm: lengthOf(vector),
    medianNorm: states.length > 0 ? medianOf(states.map(lengthOf)) : null,
    spread: states.length > 1 ? projectionSpread(toUnit(vector), states) : null,
  };
}

export interface ClassMeasures {
  readonly accuracy: number | null;
  readonly probeAccuracy: number | null;
  readonly threshold: number | null;
  readonly stability: number | null;
  readonly meanCosine: number | null;
}

export const noClasses: ClassMeasures = {
  accuracy: null,
  probeAccuracy: null,
  threshold: null,
  stability: null,
  meanCosine: null,
};

/** @param vector at the length that it is used at */
export function measureClasses(
  method: ClassMethod,
  vector: Float32Array,
  positive: States,
  negative: States,
): ClassMeasures {
  const accuracy = heldOutAccuracy(method, positive, negative);
  return {
    accuracy,
    probeAccuracy: method === 'probe' ? accuracy : heldOutAccuracy('probe', positive, negative),
    threshold: thresholdOf(vector, positive, negative),
    stability: stabilityOf(method, positive, negative),
    meanCosine: method === 'difference' ? 1 : cosine(vector, differenceOfMeans(positive, negative)),
  };
}
