// What rows begin with, as the embedding takes it: tokens, or the vectors of an input.

import type { ModelInput } from '../../architectures/architecture.ts';
import type { StackPlan } from '../plan/stacks.ts';
import type { BatchIndices } from './batch.ts';

type Places = Pick<BatchIndices, 'tokens' | 'offsets'>;

/** int32 [tokens] */
export function batchTokens(
  { rows }: StackPlan,
  batch: readonly number[],
  { tokens: size, offsets }: Places,
): Int32Array {
  const tokens = new Int32Array(size);
  batch.forEach((row, place) => {
    const start = rows[row]?.start;
    if (start?.kind === 'tokens') tokens.set(start.tokens, offsets[place]);
  });
  return tokens;
}

/** [tokens, width of the input] */
export function batchVectors(
  { rows }: StackPlan,
  batch: readonly number[],
  { tokens, offsets }: Places,
  input: ModelInput,
): Float32Array {
  const vectors = new Float32Array(tokens * input.width);
  batch.forEach((row, place) => {
    const start = rows[row]?.start;
    if (start?.kind === 'input') vectors.set(input.vectors(start.data), (offsets[place] ?? 0) * input.width);
  });
  return vectors;
}
