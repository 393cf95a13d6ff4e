// What a rule of reverse mode is: from the gradient at an operator's output, the gradients at its inputs.

import { sameShape } from '../onnx/dimension.ts';
import { reduceSum } from '../onnx/reduction.ts';
import { type Operation, type Shape, ShapeError, type Value } from '../onnx/value.ts';

/** The gradient of entries `from` and on along an axis; elsewhere it is zero. */
export interface PartOfGradient {
  readonly part: Value;
  readonly axis: number;
  readonly from: number;
}

export type Contribution = Value | PartOfGradient;

/**
 * How a gather's gradient goes back along its axis: the sum, for each place of `x`, of `gradient` where the index named it.
 * @param gradient of the gather's result
 * @param x        what was gathered from
 * @returns        of the shape of `x`
 */
export type GatherTranspose = (gradient: Value, x: Value) => Value;

export interface RuleOptions {
  /** Ways back for gathers whose indices are these very values, where more is known of them than their numbers. */
  readonly gathers?: ReadonlyMap<Value, GatherTranspose>;
}

/**
 * One entry for each input of the operation, called only where that input carries a gradient.
 * @param gradient  of the operation's first output, in its shape
 */
export type Rule = (
  gradient: Value,
  operation: Operation,
  options: RuleOptions,
) => readonly (() => Contribution)[];

/** An input of an operation. @throws ShapeError when it has fewer */
export function inputOf({ op, inputs }: Operation, index: number): Value {
  const value = inputs[index];
  if (!value) throw new ShapeError(`${op}: has no input ${index}`);
  return value;
}

export function outputOf({ op, outputs }: Operation): Value {
  const [value] = outputs;
  if (!value) throw new ShapeError(`${op}: has no output`);
  return value;
}

/** For inputs that carry no gradient: conditions, indices, axes. */
export const noGradient = (): never => {
  throw new ShapeError('An input of integers or truth values carries no gradient.');
};

/** Sum over the axes along which an operand of this shape was repeated. */
export function undoBroadcast(gradient: Value, shape: Shape): Value {
  const extra = gradient.shape.length - shape.length;
  const leading = Array.from({ length: extra }, (_, axis) => axis);
  const summed =
    leading.length > 0 ? reduceSum(gradient, { axes: leading, keepDimensions: false }) : gradient;
  const repeated = shape.flatMap((size, axis) => (size === 1 && summed.shape[axis] !== 1 ? [axis] : []));
  const result = repeated.length > 0 ? reduceSum(summed, { axes: repeated }) : summed;
  if (!sameShape(result.shape, shape))
    throw new ShapeError(
      `The gradient [${gradient.shape.join(', ')}] is not that of an operand [${shape.join(', ')}].`,
    );
  return result;
}

/** The integers of a constant input: axes, bounds. */
export function integersOf(operation: Operation, index: number): readonly number[] {
  const { origin } = inputOf(operation, index);
  if (origin.kind !== 'constant') throw new ShapeError(`${operation.op}: input ${index} is not constant`);
  return Array.from(origin.data, Number);
}

/** An attribute that is a whole number. */
export function integerAttribute({ op, attributes }: Operation, name: string, fallback?: number): number {
  const value = attributes[name] ?? fallback;
  if (typeof value !== 'number') throw new ShapeError(`${op}: has no attribute '${name}'`);
  return value;
}

/** An attribute that is a float. */
export function floatAttribute({ op, attributes }: Operation, name: string): number {
  const value = attributes[name];
  if (typeof value !== 'object' || !('float' in value))
    throw new ShapeError(`${op}: has no attribute '${name}'`);
  return value.float;
}
