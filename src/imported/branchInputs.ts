// Inputs that choose which branch of a model runs: a truth value or one number that an `If` asks for. One model is one branch,
// so such an input is a constant; which one may be said, and else is what is tried first.

import { type OnnxNode, readsOf, type ValueInfo, type Weight } from './onnxFile.ts';
import { readsSizeOnly } from './order.ts';
import type { FixedInputs } from './piece.ts';
import { sizeOf, tensorOfBytes } from './tensor.ts';

interface Parts {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly ValueInfo[];
  readonly weights: ReadonlyMap<string, Weight>;
}

const isSingle = ({ dtype, shape }: ValueInfo): boolean =>
  (dtype === 'bool' || dtype === 'int64' || dtype === 'int32') &&
  shape !== undefined &&
  shape.every((size) => size === 1);

/** The first number that an input is compared with; 0 where it is compared with none. */
function comparedWith({ nodes, weights }: Parts, input: string): number {
  for (const { op, inputs } of nodes) {
    if (op !== 'Equal' || !inputs.includes(input)) continue;
    const other = weights.get(inputs.find((name) => name !== input) ?? '');
    if (other?.place.kind !== 'memory' || sizeOf(other.shape) !== 1) continue;
    return Number(tensorOfBytes(other.dtype, other.shape, other.place.bytes).data[0] ?? 0);
  }
  return 0;
}

/** @returns the inputs on which alone the condition of an `If` depends, each with what is tried first */
export function branchInputs(parts: Parts): FixedInputs {
  const makers = new Map(parts.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const chosen: Record<string, number | boolean> = {};
  for (const node of parts.nodes.filter(({ op, domain }) => op === 'If' && domain === '')) {
    const read = new Set<string>([node.inputs[0] ?? '']);
    for (const name of read) {
      const maker = makers.get(name);
      if (maker && !readsSizeOnly(maker)) for (const input of readsOf(maker)) read.add(input);
    }
    const inputs = parts.inputs.filter(({ name }) => read.has(name));
    if (!inputs.every(isSingle)) continue;
    for (const { name, dtype } of inputs) chosen[name] = dtype === 'bool' ? false : comparedWith(parts, name);
  }
  return chosen;
}
