// Values whose gradient is known in closed form. Reverse mode passes by way of it, instead of through the operations that
// the value was computed by: where these take many steps, going back through each costs more and rounds worse.

import { sameShape } from './dimension.ts';
import { type Operation, ShapeError, type Value } from './value.ts';

export interface OwnGradient {
  /** What the value is a function of. */
  readonly inputs: readonly Value[];
  /** One entry for each input, called only where that input carries a gradient: in the shape of the input. */
  readonly back: (gradient: Value) => readonly (() => Value)[];
}

const known = new WeakMap<Operation, OwnGradient>();

/**
 * The value itself, whose gradient reverse mode takes from `own` from now on.
 * @param value the only result of an operation that depends on nothing differentiable but `own.inputs`
 */
export function withGradient(value: Value, own: OwnGradient): Value {
  const { origin } = value;
  if (origin.kind !== 'operation' || origin.operation.outputs.length !== 1)
    throw new ShapeError('withGradient: the value is not the only result of an operation');
  known.set(origin.operation, own);
  return value;
}

/** What `withGradient` said of an operation; each gradient is checked to have the shape of its input. */
export function ownGradient(operation: Operation): OwnGradient | undefined {
  const own = known.get(operation);
  if (!own) return undefined;
  const checked = (input: Value | undefined, gradient: Value): Value => {
    if (!input || !sameShape(input.shape, gradient.shape))
      throw new ShapeError(`${operation.op}: its own gradient does not have the shape of its input`);
    return gradient;
  };
  return {
    inputs: own.inputs,
    back: (gradient) => own.back(gradient).map((pull, at) => () => checked(own.inputs[at], pull())),
  };
}
