// How orthonormal columns are trained: on their manifold, which is the default, or by Householder vectors behind them, which is
// PyTorch's way and that of pyvene and pyreft. Both come to such columns; step by step their paths differ, so that curves are
// compared with those libraries in the second way.

import * as v from 'valibot';
import { orthonormalCompletion } from '../interventions/types/orthonormal.ts';
import { seedOf } from '../random/random.ts';
import type { TrainedParameter } from '../runtime/training/stepGraph.ts';
import { ExperimentError } from './experimentFile.ts';

export const rotationSchema = v.picklist(['manifold', 'householder']);

export type RotationTraining = v.InferOutput<typeof rotationSchema>;

/** A step is a graph as long as there are columns, and holds a matrix of the width squared. */
const limits = { columns: 64, width: 2048 };

/** Draws from the seed of an experiment: far from those of orders and of parameters. */
const firstCompletion = 300_000;

/**
 * @param field of the file, for messages: 'training.rotation'
 * @param decay what the optimiser shrinks parameters by
 * @throws ExperimentError for a rotation that has no such vectors, or too many, and for an optimiser that would shrink them
 */
export function checkHouseholder(
  field: string,
  { width, columns, decay }: { readonly width: number; readonly columns: number; readonly decay: number },
): void {
  const fail = (problem: string): never => {
    throw new ExperimentError(
      `'${field}' is 'householder', ${problem} Leave it out to train on the manifold.`,
    );
  };
  if (columns >= width)
    fail(`and the rotation has as many columns as the width, ${width}: Householder vectors are for fewer.`);
  if (columns > limits.columns)
    fail(`and the rotation has ${columns} columns: there can be at most ${limits.columns}.`);
  if (width > limits.width)
    fail(
      `and the width is ${width}: it takes a matrix of the width squared, and that can be at most ${limits.width}.`,
    );
  if (decay > 0)
    fail(
      `with a decay of ${decay}, which would shrink the vectors towards the start. Give "weightDecay": 0, as PyTorch's own needs it.`,
    );
}

/** A rotation as it is trained. @param draw of the seed, another one for each rotation */
export function trainedRotation(
  { data, shape }: Pick<TrainedParameter, 'data' | 'shape'>,
  rotation: RotationTraining,
  seed: number,
  draw: number,
): TrainedParameter {
  if (rotation === 'manifold') return { data, shape, isOrthonormal: true };
  const [rows = 0, columns = 0] = shape;
  const completion = orthonormalCompletion(data, rows, columns, seedOf(seed, firstCompletion + draw));
  return { data, shape, isOrthonormal: true, completion };
}
