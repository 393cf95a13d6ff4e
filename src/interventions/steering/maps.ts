// The one primitive of steering: an affine map along a direction, h' = A h + b. Adding, ablating, setting and capping a
// projection, and moving between two means are choices of A and b; what a state's length becomes, and below which projection
// the map acts at all, can be said of each.

import { add, div, less, mul, relu, sqrt, sub, where } from '../../onnx/elementwise.ts';
import { reduceSum } from '../../onnx/reduction.ts';
import { constant, type Value } from '../../onnx/value.ts';
import type { GenerationEdit } from '../../runtime/generation/request.ts';
import type { Fragment, FragmentParameter } from '../../runtime/plan/plan.ts';
import { InterventionError } from '../intervention.ts';

/**
 * With v the direction, v̂ of unit length, p = h·v̂ and α the strength:
 * - `add`: h + α v
 * - `ablate`: h - (1 - keep) p v̂, so that `keep` of the component stays, by default nothing
 * - `set`: h + (to - p) v̂
 * - `cap`: h - max(0, p - at) v̂
 * - `between`: h - p v̂ + (from·v̂) v̂ + α v, with v = to - from, the difference of two means: α = 0 is the one mean, 1 the
 *   other, wherever the state was (affine concept editing)
 */
export type SteeringMap =
  | { readonly kind: 'add' }
  | { readonly kind: 'ablate'; readonly keep?: number }
  | { readonly kind: 'set'; readonly to: number }
  | { readonly kind: 'cap'; readonly at: number }
  | { readonly kind: 'between'; readonly from: Float32Array };

export interface SteeringOptions {
  readonly map: SteeringMap;
  /** Bring the state back to the length that it had: turn it, and do not lengthen it. */
  readonly keepsNorm?: boolean;
  /** Act only where the projection p is below this. */
  readonly whileBelow?: number;
}

/** The same formula for every strength: edits that share a `Steering` run together. */
export interface Steering {
  readonly fragment: Fragment;
  /** What the edit of a strength takes besides. */
  readonly sourceAt: (strength: number) => NonNullable<GenerationEdit['source']>;
}

const normOf = (vector: Float32Array): number => Math.hypot(...vector);

/** @throws InterventionError for a direction that is none */
export function unitVector(direction: Float32Array): Float32Array {
  const norm = normOf(direction);
  if (!(norm > 0) || !Number.isFinite(norm))
    throw new InterventionError(
      `The vector has the length ${norm}, and names no direction. Every entry must be a finite number, and some other than 0.`,
    );
  return direction.map((entry) => entry / norm);
}

const lastAxis = { axes: [-1] } as const;
const scalar = (value: number): FragmentParameter => ({ data: Float32Array.of(value), shape: [1] });

/** How much of v̂ is added, [units, 1], as slope * p + offset, or for a cap what is beyond it. */
function along(map: SteeringMap, unit: Float32Array): { readonly slope: number; readonly offset: number } {
  switch (map.kind) {
    case 'add':
      return { slope: 0, offset: 0 };
    case 'ablate':
      return { slope: (map.keep ?? 0) - 1, offset: 0 };
    case 'set':
      return { slope: -1, offset: map.to };
    case 'cap':
      return { slope: -1, offset: map.at };
    case 'between':
      return { slope: -1, offset: map.from.reduce((sum, entry, at) => sum + entry * (unit[at] ?? 0), 0) };
    default:
      return map satisfies never;
  }
}

/**
 * @param direction v, [width]
 * @throws InterventionError for a direction without a length, and means of another width
 */
export function steering(direction: Float32Array, options: SteeringOptions): Steering {
  const { map, keepsNorm = false, whileBelow } = options;
  const unit = unitVector(direction);
  if (map.kind === 'between' && map.from.length !== direction.length)
    throw new InterventionError(
      `The mean has ${map.from.length} numbers, and the difference of means ${direction.length}.`,
    );
  const { slope, offset } = along(map, unit);
  const adds = map.kind === 'add' || map.kind === 'between';
  const isPlain = map.kind === 'add' && !keepsNorm && whileBelow === undefined;
  const parameters: Fragment['parameters'] = isPlain
    ? {}
    : {
        unit: { data: unit, shape: [unit.length] },
        slope: scalar(slope),
        offset: scalar(offset),
        ...(whileBelow === undefined ? {} : { bound: scalar(whileBelow) }),
      };
  const build: Fragment['build'] = ({ base, source, parameter }) => {
    const added = source ?? base;
    if (isPlain) return add(base, added);
    const projection = reduceSum(mul(base, parameter('unit')), lastAxis);
    const amount = ((): Value | undefined => {
      if (map.kind === 'add') return undefined;
      if (map.kind === 'cap') return mul(relu(sub(projection, parameter('offset'))), constant(-1));
      return add(mul(projection, parameter('slope')), parameter('offset'));
    })();
    const turned = amount ? add(base, mul(amount, parameter('unit'))) : base;
    const moved = adds ? add(turned, added) : turned;
    const lengthOf = (x: Value) => sqrt(reduceSum(mul(x, x), lastAxis));
    const kept = keepsNorm ? mul(moved, div(lengthOf(base), lengthOf(moved))) : moved;
    return whileBelow === undefined ? kept : where(less(projection, parameter('bound')), kept, base);
  };
  const key = `steer ${map.kind}${keepsNorm ? ' at its length' : ''}${whileBelow === undefined ? '' : ' below'}`;
  return {
    fragment: { key, parameters, build },
    sourceAt: (strength) => ({
      kind: 'vector',
      data: direction.map((entry) => (adds ? entry * strength : 0)),
    }),
  };
}
