// The interventions in training at a site, mostly one: their type, which of their parameters are trained and at what rate,
// their temperature, their penalty, how wide their boundary is, and the same with random rotations as a control.

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
import { trainedRotation } from '../rotationTraining.ts';
import type { AlignExperiment, AlignIntervention } from './experiment.ts';
import { positionsIn, type SitePosition } from './sitePosition.ts';
import type { SitePart } from './sites.ts';

const types: Readonly<Record<AlignIntervention['type'], InterventionType>> = {
  LowRankRotated: lowRankRotated,
  Rotated: rotated,
  BoundlessRotated: boundlessRotated,
  SigmoidMask: sigmoidMask,
  SigmoidMaskRotated: sigmoidMaskRotated,
};

/** Draws from one seed: of the first intervention, and of the others, which lie beyond those of orders. */
const draws = { rotation: 0, control: 1 };
const drawOf = (draw: number, part: number): number => (part === 0 ? draw : 200_000 + 2 * part + draw);

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
  /** How many interventions are trained together. */
  readonly partCount: number;
  /**
   * The interventions with these parameters, by `partName`. Those of one call share their objects, and run together.
   */
  readonly fragments: (parameters: Fragment['parameters'], temperature: number) => readonly Fragment[];
}

/** A parameter of one of the interventions: `rotation`, and of the second `2 rotation`. @param part from 0 */
export const partName = (part: number, name: string): string => (part === 0 ? name : `${part + 1} ${name}`);

/** What of parameters belongs to one of the interventions, by its own names. */
export function ofPart<T>(
  parameters: Readonly<Record<string, T>>,
  part: number,
): Readonly<Record<string, T>> {
  const own = Object.entries(parameters).flatMap(([name, value]) => {
    const [, number, rest = name] = /^(\d+) (.+)$/.exec(name) ?? [];
    return Number(number ?? 1) === part + 1 ? [[rest, value] as const] : [];
  });
  return Object.fromEntries(own);
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

/** Units of the component that are one vector at a site. */
export const joinedUnits = ({
  heads,
  position,
}: {
  readonly heads?: readonly number[] | undefined;
  readonly position: SitePosition;
}): number => heads?.length ?? positionsIn(position).length;

/** One of the interventions, in the names of its own parameters. */
interface Part {
  readonly trained: Trained;
  readonly whole: Fragment;
  readonly hasTemperature: boolean;
}

function partOf(
  experiment: AlignExperiment,
  { width, site }: Pick<SitePart, 'width' | 'site'>,
  part: number,
): Part {
  const { intervention, training, seed } = experiment;
  const initial: Parameters = types[intervention.type].initial({
    width,
    seed: seedOf(seed, drawOf(draws.rotation, part)),
    ...(intervention.type === 'LowRankRotated' ? { lowRankDimension: intervention.rank } : {}),
  });
  const { temperature, ...own } = initial;
  const { learningRate, rotation } = training;
  const boundaryRate = 'boundaryRate' in intervention ? intervention.boundaryRate : undefined;
  const rateFactor = (boundaryRate ?? 10 * learningRate) / learningRate;
  const trained = Object.fromEntries(
    Object.entries(own).map(([name, { data, shape }]): [string, TrainedParameter] => [
      name,
      name === 'rotation'
        ? trainedRotation({ data, shape }, rotation, seed, part)
        : { data, shape, rateFactor },
    ]),
  );
  const whole = fragmentOf(interventionOf(experiment, width, initial), joinedUnits(site));
  return { trained, whole, hasTemperature: temperature !== undefined };
}

/**
 * @param parts of a site: those of the layers and positions of one experiment begin alike
 * @throws nothing: `rank` and `dimensions` were checked against the widths
 */
export function trainableOf(
  experiment: AlignExperiment,
  parts: readonly Pick<SitePart, 'width' | 'site'>[],
): Trainable {
  const { intervention } = experiment;
  const made = parts.map((part, at) => partOf(experiment, part, at));
  const trained = Object.fromEntries(
    made.flatMap((part, at) =>
      Object.entries(part.trained).map(([name, parameter]) => [partName(at, name), parameter] as const),
    ),
  );
  const boundary = 'boundary' in trained ? 'boundary' : 'mask' in trained ? 'mask' : undefined;
  return {
    type: types[intervention.type],
    trained,
    hasTemperature: made.some(({ hasTemperature }) => hasTemperature),
    penalty: 'penalty' in intervention ? intervention.penalty : 0,
    ...(boundary ? { boundary } : {}),
    partCount: made.length,
    fragments: (parameters, value) =>
      made.map(({ whole, hasTemperature }, at) => ({
        ...whole,
        parameters: {
          ...whole.parameters,
          ...ofPart(parameters, at),
          ...(hasTemperature ? { temperature: { data: Float32Array.of(value), shape: [1] } } : {}),
        },
      })),
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

/** The same interventions with random rotations, or, without one, with the mask's entries in another order. */
export function controlNumbers({ trained }: Trainable, numbers: Numbers, seed: number): Numbers {
  const rotations = Object.entries(trained).flatMap(([name, { shape, isOrthonormal }]) =>
    isOrthonormal ? [[name, shape] as const] : [],
  );
  if (rotations.length === 0) {
    const mask = numbers.mask ?? new Float32Array();
    const order = shuffled(mask.length, seedOf(seed, draws.control));
    return { ...numbers, mask: Float32Array.from(order, (at) => mask[at] ?? 0) };
  }
  const random = rotations.map(([name, [rows = 0, columns = 0]], part) => {
    const own = seedOf(seed, drawOf(draws.control, part));
    return [name, randomOrthonormal(rows, columns, own)] as const;
  });
  return { ...numbers, ...Object.fromEntries(random) };
}
