// An intervention in training: its type, which of its parameters are trained and at what rate, its temperature, its
// penalty, how wide its boundary is, and the same intervention with a random rotation as a control.

import {
  fragmentOf,
  type Intervention,
  type InterventionType,
  type Parameters,
} from '../../interventions/intervention.ts';
import { boundlessRotated } from '../../interventions/types/boundlessRotated.ts';
import { lowRankRotated } from '../../interventions/types/lowRankRotated.ts';
import { randomOrthonormal } from '../../interventions/types/orthonormal.ts';
import { rotated } from '../../interventions/types/rotated.ts';
import { sigmoidMask } from '../../interventions/types/sigmoidMask.ts';
import { sigmoidMaskRotated } from '../../interventions/types/sigmoidMaskRotated.ts';
import { seedOf, shuffled } from '../../random/random.ts';
import type { Fragment } from '../../runtime/plan/plan.ts';
import type { TrainedParameter } from '../../runtime/training/stepGraph.ts';
import type { AlignExperiment, AlignIntervention } from './experiment.ts';
import { positionsIn } from './sitePosition.ts';

const types: Readonly<Record<AlignIntervention['type'], InterventionType>> = {
  LowRankRotated: lowRankRotated,
  Rotated: rotated,
  BoundlessRotated: boundlessRotated,
  SigmoidMask: sigmoidMask,
  SigmoidMaskRotated: sigmoidMaskRotated,
};

/** Draws from one seed. */
const draws = { rotation: 0, control: 1 };

/** Parameters of a type, by name, on the host. */
export type Numbers = Readonly<Record<string, Float32Array>>;

/** Parameters that are trained, by name, as training begins with them. */
export type Trained = Readonly<Record<string, TrainedParameter>>;

export interface Trainable {
  readonly type: InterventionType;
  readonly trained: Trained;
  /** Whether the type mixes by a temperature. */
  readonly hasTemperature: boolean;
  /** The parameter that says how much is interchanged. */
  readonly boundary?: 'boundary' | 'mask';
  /** Times `widthShare`, in the loss. */
  readonly penalty: number;
  /** The intervention with these parameters; those of one call share one object, and run together. */
  readonly fragment: (parameters: Fragment['parameters'], temperature: number) => Fragment;
}

/** The intervention of an experiment with these parameters. @param width entries of a vector at the site */
export function interventionOf(
  { intervention }: AlignExperiment,
  width: number,
  parameters: Parameters,
): Intervention {
  const type = types[intervention.type];
  if (intervention.type !== 'Rotated') return { type, width, parameters };
  const interchanged = Array.from({ length: intervention.dimensions }, (_, entry) => entry);
  return { type, width, parameters, interchanged };
}

/** Units of the component that are one vector at each site. */
export const joinedUnits = ({ site: { heads, position } }: AlignExperiment): number => {
  const first = typeof position === 'object' ? (position[0] ?? 'last') : position;
  return heads?.length ?? positionsIn(first).length;
};

/**
 * @param width entries of the vector that is interchanged at a site
 * @throws nothing: `rank` and `dimensions` were checked against the width
 */
export function trainableOf(experiment: AlignExperiment, width: number): Trainable {
  const { intervention, training, seed } = experiment;
  const type = types[intervention.type];
  const initial: Parameters = type.initial({
    width,
    seed: seedOf(seed, draws.rotation),
    ...(intervention.type === 'LowRankRotated' ? { lowRankDimension: intervention.rank } : {}),
  });
  const { temperature, ...own } = initial;
  const { learningRate } = training;
  const boundaryRate = 'boundaryRate' in intervention ? intervention.boundaryRate : undefined;
  const rateFactor = (boundaryRate ?? 10 * learningRate) / learningRate;
  const trained = Object.fromEntries(
    Object.entries(own).map(([name, { data, shape }]): [string, TrainedParameter] => [
      name,
      { data, shape, ...(name === 'rotation' ? { isOrthonormal: true } : { rateFactor }) },
    ]),
  );
  const whole = fragmentOf(interventionOf(experiment, width, initial), joinedUnits(experiment));
  const boundary = 'boundary' in own ? 'boundary' : 'mask' in own ? 'mask' : undefined;
  return {
    type,
    trained,
    hasTemperature: temperature !== undefined,
    penalty: 'penalty' in intervention ? intervention.penalty : 0,
    ...(boundary ? { boundary } : {}),
    fragment: (parameters, value) => ({
      ...whole,
      parameters: {
        ...whole.parameters,
        ...parameters,
        ...(temperature ? { temperature: { data: Float32Array.of(value), shape: [1] } } : {}),
      },
    }),
  };
}

/** Parameters from the host, as fragments take them. */
export function hostParameters({ trained }: Trainable, numbers: Numbers): Fragment['parameters'] {
  return Object.fromEntries(
    Object.entries(trained).map(([name, { data, shape }]) => [name, { data: numbers[name] ?? data, shape }]),
  );
}

const clamped = (boundary = 0): number => Math.min(1, Math.max(1e-3, boundary));
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/**
 * The fraction of the width that is interchanged, as it enters the loss: the boundary, or the mean of the mask.
 * @returns the share, and its gradient with respect to the parameter
 */
export function interchangedFraction(
  { boundary }: Trainable,
  numbers: Numbers,
  temperature: number,
): { readonly share: number; readonly gradient: Float32Array } {
  const values = numbers[boundary ?? ''] ?? new Float32Array();
  // The formula clamps; the penalty goes on pulling.
  if (boundary === 'boundary') return { share: clamped(values[0]), gradient: Float32Array.of(1) };
  const mask = Float64Array.from(values, (x) => sigmoid(x / temperature));
  return {
    share: mask.reduce((sum, m) => sum + m, 0) / Math.max(1, mask.length),
    gradient: Float32Array.from(mask, (m) => (m * (1 - m)) / (temperature * mask.length)),
  };
}

/**
 * How many directions are interchanged by more than half.
 * @see boundlessRotated and the masks for the formulas
 */
export function interchangedDimensions(
  { boundary }: Trainable,
  numbers: Numbers,
  width: number,
  temperature: number,
): number {
  const values = numbers[boundary ?? ''] ?? new Float32Array();
  if (boundary === 'mask') return values.filter((x) => x > 0).length;
  const end = clamped(values[0]) * width;
  const mixed = (i: number) => sigmoid(i / temperature) * sigmoid((end - i) / temperature);
  return Array.from({ length: width }, (_, i) => mixed(i)).filter((m) => m > 0.5).length;
}

/** The same intervention with a random rotation, or, without one, with its mask's entries in another order. */
export function controlNumbers({ trained }: Trainable, numbers: Numbers, seed: number): Numbers {
  const own = seedOf(seed, draws.control);
  const [rows = 0, columns = 0] = trained.rotation?.shape ?? [];
  if (trained.rotation) return { ...numbers, rotation: randomOrthonormal(rows, columns, own) };
  const mask = numbers.mask ?? new Float32Array();
  return { ...numbers, mask: Float32Array.from(shuffled(mask.length, own), (at) => mask[at] ?? 0) };
}
