// The objectives that most experiments take: each a formula with the numbers that it needs for its units, to be spread
// into a term.

import { mul, sub } from '../../onnx/elementwise.ts';
import { gatherElements } from '../../onnx/layout.ts';
import { reduceLogSumExp, reduceSum } from '../../onnx/reduction.ts';
import { PlanError } from '../plan/plan.ts';
import type { Objective, Term } from './objective.ts';

type Formula = Pick<Term, 'objective' | 'perUnit'>;

const sumOverLast = { axes: [1], keepDimensions: false } as const;

const entriesObjective: Objective = {
  key: 'weighted entries',
  build: ({ value, perUnit }) =>
    reduceSum(mul(gatherElements(value, perUnit('entries'), 1), perUnit('factors')), sumOverLast),
};

/**
 * Σ factor · value[entry]: the difference of two logits is entries [a, b] with factors [1, -1].
 * @param units the entries of each unit and their factors, as many for every unit
 * @throws PlanError when the units have different numbers of entries
 */
export function weightedEntries(
  units: readonly (readonly { readonly entry: number; readonly factor: number }[])[],
): Formula {
  const width = units[0]?.length ?? 0;
  if (width === 0 || units.some((entries) => entries.length !== width))
    throw new PlanError('Every unit of an objective needs as many entries, and at least one.');
  const all = units.flat();
  return {
    objective: entriesObjective,
    perUnit: {
      entries: { data: Int32Array.from(all, ({ entry }) => entry), width },
      factors: { data: Float32Array.from(all, ({ factor }) => factor), width },
    },
  };
}

const crossEntropyObjective: Objective = {
  key: 'cross-entropy',
  build: ({ value, perUnit }) => {
    const right = gatherElements(value, perUnit('label'), 1);
    return reduceSum(sub(reduceLogSumExp(value, { axes: [1] }), right), sumOverLast);
  },
};

/** log Σ exp(value) - value[label], in nats. @param labels one for each unit */
export function crossEntropy(labels: readonly number[]): Formula {
  return {
    objective: crossEntropyObjective,
    perUnit: { label: { data: Int32Array.from(labels), width: 1 } },
  };
}

const directionObjective: Objective = {
  key: 'along a direction',
  build: ({ value, perUnit }) => reduceSum(mul(value, perUnit('direction')), sumOverLast),
};

/** Σ direction · value. @param directions [units, width] */
export function along(directions: Float32Array, width: number): Formula {
  return { objective: directionObjective, perUnit: { direction: { data: directions, width } } };
}
