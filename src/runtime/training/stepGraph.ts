// The graph of one step: from parameters, gradients and moments to the next ones, and a few numbers that say what became of
// them. Columns that are kept orthonormal are stepped along their manifold, or by the Householder vectors that they follow from.

import { gradients } from '../../autodiff/gradients.ts';
import { householderColumns } from '../../autodiff/householder.ts';
import {
  momentNames,
  type OptimizerSettings,
  optimizerStep,
  scheduleWidth,
} from '../../autodiff/optimizers.ts';
import { retracted, tangent } from '../../autodiff/orthonormal.ts';
import { abs, add, div, minimum, mul, sqrt } from '../../onnx/elementwise.ts';
import { type Graph, graph } from '../../onnx/graph.ts';
import { concat, reshape } from '../../onnx/layout.ts';
import { reduceMax, reduceMin, reduceSum } from '../../onnx/reduction.ts';
import { constant, input, type Value } from '../../onnx/value.ts';

export interface TrainedParameter {
  readonly data: Float32Array;
  readonly shape: readonly number[];
  /** Keep the columns of a matrix orthonormal; they must be so at the start. */
  readonly isOrthonormal?: boolean;
  /**
   * Of orthonormal columns, fewer than rows: an orthonormal matrix [rows, rows] that begins with them. They are then trained
   * by Householder vectors, as PyTorch's `parametrizations.orthogonal` does it; default on their manifold.
   */
  readonly completion?: Float32Array;
  /** Factor of the rate for this parameter; default 1. */
  readonly rateFactor?: number;
}

export type Trained = Readonly<Record<string, TrainedParameter>>;

/** What a step says of a parameter without handing it over: it may be large. */
export interface ParameterMeasures {
  /** Sum of the absolute entries: NaN or infinite where an entry is. */
  readonly sum: number;
  /** Squared lengths of the shortest and the longest column, where the columns are kept orthonormal. */
  readonly squares?: { readonly least: number; readonly most: number };
}

/** What the optimiser moves, where a parameter follows from it. */
export const vectorsName = (name: string): string => `${name}.vectors`;

export const completionName = (name: string): string => `${name}.completion`;

const measuresWidth = ({ isOrthonormal = false }: TrainedParameter): number => (isOrthonormal ? 3 : 1);

/** [1], or [3] with the extremes of the columns: the order of `measuresOf`. */
function measured(value: Value, isOrthonormal: boolean): Value {
  const single = (x: Value) => reshape(x, [1]);
  // A sum carries NaN on; of extrema, a device may leave it out.
  const sum = single(reduceSum(abs(value)));
  if (!isOrthonormal) return sum;
  const squares = reduceSum(mul(value, value), { axes: [0] });
  return concat([sum, single(reduceMin(squares)), single(reduceMax(squares))], 0);
}

/** @param data what the graph gave as `measures` */
export function measuresOf(
  trained: Trained,
  data: ArrayLike<number>,
): Readonly<Record<string, ParameterMeasures>> {
  let from = 0;
  const at = (place: number) => data[from + place] ?? Number.NaN;
  const found: Record<string, ParameterMeasures> = {};
  for (const [name, parameter] of Object.entries(trained)) {
    const squares = parameter.isOrthonormal ? { squares: { least: at(1), most: at(2) } } : {};
    found[name] = { sum: at(0), ...squares };
    from += measuresWidth(parameter);
  }
  return found;
}

/**
 * What all gradients are scaled by so that together they are no longer than `clip`.
 * @see PyTorch's `clip_grad_norm_`, for its 1e-6 too
 */
function clipping(gradients: readonly Value[], clip: number): Value {
  const squares = gradients.map((gradient) => reshape(reduceSum(mul(gradient, gradient)), [1]));
  const [first, ...others] = squares;
  if (!first) return constant(1);
  const length = sqrt(others.reduce(add, first));
  return minimum(div(constant(clip), add(length, constant(1e-6))), constant(1));
}

/** A parameter in the coordinates in which the optimiser steps. */
interface Coordinates {
  readonly moved: Value;
  readonly gradient: Value;
  /** What a step in them makes of the parameter. */
  readonly after: (next: Value) => Readonly<Record<string, Value>>;
}

function coordinatesOf(
  name: string,
  { shape, isOrthonormal = false, completion }: TrainedParameter,
): Coordinates {
  const given = input(`${name}.gradient`, 'float32', shape);
  const moved = input(completion ? vectorsName(name) : name, 'float32', shape);
  if (completion) {
    const [rows = 0] = shape;
    const whole = input(completionName(name), 'float32', [rows, rows]);
    const seeds = [{ value: householderColumns(whole, moved), gradient: given }];
    const [gradient = given] = gradients(seeds, [moved]);
    return {
      moved,
      gradient,
      after: (next) => ({ [name]: householderColumns(whole, next), [vectorsName(name)]: next }),
    };
  }
  if (!isOrthonormal) return { moved, gradient: given, after: (next) => ({ [name]: next }) };
  const gradient = tangent(moved, given);
  return { moved, gradient, after: (next) => ({ [name]: retracted(moved, next) }) };
}

/**
 * Inputs are the parameters, or where they have a `completion` that and their vectors; `NAME.gradient`, `NAME.schedule` and
 * `NAME.first` and so on for the moments. Outputs are `next.` before the name of what is kept, and `measures`.
 * @param clip the most that all gradients may be long together, in the coordinates in which the optimiser steps
 */
export function stepGraph(parameters: Trained, settings: OptimizerSettings, clip: number | undefined): Graph {
  const outputs: Record<string, Value> = {};
  const measures: Value[] = [];
  const opened = Object.entries(parameters).map(([name, parameter]) => ({
    name,
    ...parameter,
    coordinates: coordinatesOf(name, parameter),
  }));
  const factor =
    clip === undefined
      ? undefined
      : clipping(
          opened.map(({ coordinates }) => coordinates.gradient),
          clip,
        );
  for (const { name, shape, isOrthonormal = false, coordinates } of opened) {
    const { moved, gradient, after } = coordinates;
    const moments = Object.fromEntries(
      momentNames(settings).map((moment) => [moment, input(`${name}.${moment}`, 'float32', shape)]),
    );
    const next = optimizerStep(settings, {
      parameter: moved,
      gradient: factor ? mul(factor, gradient) : gradient,
      moments,
      schedule: input(`${name}.schedule`, 'float32', [scheduleWidth]),
    });
    const made = after(next.parameter);
    for (const [each, value] of Object.entries(made)) outputs[`next.${each}`] = value;
    measures.push(measured(made[name] ?? next.parameter, isOrthonormal));
    for (const [moment, value] of Object.entries(next.moments)) outputs[`next.${name}.${moment}`] = value;
  }
  return graph({ ...outputs, measures: concat(measures, 0) });
}
