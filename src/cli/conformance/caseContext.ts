// What every kind of case is given, and the rows that its token ids stand for.

import type { Model } from '../../runtime/model.ts';
import type { Edit, Row } from '../../runtime/plan/plan.ts';
import type { Tolerance } from './compare.ts';
import type { Reference, ReferenceTensor } from './reference.ts';

export interface CaseContext {
  readonly model: Model;
  readonly reference: Reference;
  readonly tolerance: Tolerance;
}

export const logits = { component: 'logits', layer: null };

/** Token ids [rows, length] as lists. */
export function tokenRows({ shape, data }: ReferenceTensor): readonly (readonly number[])[] {
  const [rows = 1, length = data.length] = shape;
  return Array.from({ length: rows }, (_, row) => [...data.subarray(row * length, (row + 1) * length)]);
}

export const fromTokens = (tokens: readonly number[], edits: readonly Edit[] = []): Row => ({
  start: { kind: 'tokens', tokens },
  edits,
});
