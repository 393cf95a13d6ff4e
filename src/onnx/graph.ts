// A graph is a set of named output values; everything else follows from what they need.

import type { Operation, Value } from './value.ts';
import { apply, describeValue, ShapeError } from './value.ts';

export interface Graph {
  /** Inputs that some output needs, in order of first use. Unused inputs cannot occur: each would cost a download per run on WebGPU. */
  readonly inputs: ReadonlyMap<string, Value>;
  readonly outputs: ReadonlyMap<string, Value>;
  /** In an order in which each comes after what it reads. */
  readonly operations: readonly Operation[];
}

/** An output that is an input or a constant, or is listed twice, gets a node of its own: the runtime would alias its buffer. */
function separate(outputs: Readonly<Record<string, Value>>): ReadonlyMap<string, Value> {
  const seen = new Set<Value>();
  return new Map(
    Object.entries(outputs).map(([name, value]) => {
      const copy = value.origin.kind !== 'operation' || seen.has(value);
      seen.add(value);
      return [name, copy ? apply('Identity', [value], {}, value.dtype, value.shape) : value];
    }),
  );
}

/**
 * Collect the graph that computes `outputs`.
 * @throws ShapeError when two different inputs share a name, or an output has the name of an input
 */
export function graph(outputs: Readonly<Record<string, Value>>): Graph {
  const named = separate(outputs);
  const inputs = new Map<string, Value>();
  const operations: Operation[] = [];
  const done = new Set<Operation>();
  const visit = (value: Value): void => {
    const { origin } = value;
    if (origin.kind === 'constant') return;
    if (origin.kind === 'input') {
      const other = inputs.get(origin.name);
      if (other && other !== value) {
        throw new ShapeError(
          `graph: two inputs are named '${origin.name}': ${describeValue(other)} and ${describeValue(value)}`,
        );
      }
      inputs.set(origin.name, value);
      return;
    }
    if (done.has(origin.operation)) return;
    done.add(origin.operation);
    for (const read of origin.operation.inputs) visit(read);
    operations.push(origin.operation);
  };
  for (const value of named.values()) visit(value);
  const clash = [...named.keys()].find((name) => inputs.has(name));
  if (clash) throw new ShapeError(`graph: '${clash}' is an input and an output`);
  return { inputs, outputs: named, operations };
}
