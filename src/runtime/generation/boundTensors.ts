// Weights as constants of the graphs of a step. Where a run copies what it is given (WASM), a step would copy the whole
// model for every token, which takes several times as long as the step itself.

import { constant, type Value } from '../../onnx/value.ts';
import { elementCount } from '../backends/backend.ts';
import type { ExecuteContext } from '../forward/execute.ts';
import { type BoundTensors, partOf, type SpanPart } from './stepGraph.ts';

/**
 * Constants stand beside the weights, in memory that is addressed by 32 bits, and a layer that is edited in two ways stands
 * there twice: the weights of larger models are copied after all.
 */
const mostBytes = 2 ** 30;

export const bindsWeights = ({ backend, weights }: ExecuteContext): boolean =>
  backend.copiesInputs && weights.residency === 'expanded' && weights.residentBytes <= mostBytes;

/** Bytes of the weights of these parts. */
export function partBytes({ architecture }: ExecuteContext, parts: readonly SpanPart[]): number {
  const sources = parts.flatMap(({ stage }) => Object.values(partOf(architecture, stage).weights));
  return sources.reduce(
    (sum, source) => sum + (source.kind === 'tensor' ? 4 * elementCount(source.shape) : 0),
    0,
  );
}

/** The weights of these parts as constants. */
export async function boundTensors(
  { architecture, backend, weights }: ExecuteContext,
  parts: readonly SpanPart[],
): Promise<BoundTensors> {
  const sources = parts.flatMap(({ stage }) => Object.values(partOf(architecture, stage).weights));
  const bound = new Map<string, Value>();
  for (const source of sources) {
    if (source.kind !== 'tensor') continue;
    const tensor = weights.resident(source.tensor);
    const data = tensor && (await backend.read(tensor));
    if (data instanceof Float32Array) bound.set(source.tensor, constant(data, source.shape));
  }
  return bound;
}
