// The same values with some of the operations they need replaced by others.

import { applyMany, type Operation, type Value } from './value.ts';

/**
 * @param replace  what an operation of one output becomes; it is given the operation with its inputs replaced already
 * @returns        the outputs; what nothing was replaced in is the value that it was
 */
export function replacing(
  outputs: Readonly<Record<string, Value>>,
  replace: (operation: Operation) => Value | undefined,
): Readonly<Record<string, Value>> {
  const made = new Map<Operation, readonly Value[]>();
  const madeOf = (operation: Operation): readonly Value[] => {
    const known = made.get(operation);
    if (known) return known;
    const inputs = operation.inputs.map(replacedValue);
    const isSame = inputs.every((value, at) => value === operation.inputs[at]);
    const current = isSame ? operation : { ...operation, inputs };
    const other = operation.outputs.length === 1 ? replace(current) : undefined;
    const results = other
      ? [other]
      : isSame
        ? operation.outputs
        : applyMany(operation.op, inputs, operation.attributes, operation.outputs);
    made.set(operation, results);
    return results;
  };
  const replacedValue = (value: Value): Value => {
    if (value.origin.kind !== 'operation') return value;
    return madeOf(value.origin.operation)[value.origin.index] ?? value;
  };
  return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, replacedValue(value)]));
}
