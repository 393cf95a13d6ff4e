// What every kind of case is given, and the rows that its token ids stand for.

import type { ModelInput } from '../../architectures/architecture.ts';
import type { Model } from '../../runtime/model.ts';
import type { Edit, Row, RowStart } from '../../runtime/plan/plan.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';
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

/** What the rows of a reference begin with. @param side whose rows: in an encoder without tokens, the pixels of that side */
export async function referenceRows(
  { model, reference }: Pick<CaseContext, 'model' | 'reference'>,
  side: 'base' | 'source',
): Promise<readonly RowStart[]> {
  const { input, encoder } = model.architecture;
  if (input) return inputRows(reference, input, side);
  const own = await tokensOf(reference, side);
  if (!encoder) return own;
  if (!encoder.input) {
    const target = await tokensOf(reference, `${side}.decoder`);
    const first = encoder.encoder?.input;
    const seen = first ? await inputRows(reference, first, side) : [];
    return target.map((start, row) => {
      const read = own[row] && { ...own[row], ...(seen[row] ? { source: seen[row] } : {}) };
      return { ...start, ...(read ? { source: read } : {}) };
    });
  }
  const inputs = await inputRows(reference, encoder.input, side);
  return own.map((start, row) => ({ ...start, ...(inputs[row] ? { source: inputs[row] } : {}) }));
}

async function tokensOf(reference: Reference, name: string) {
  const rows = tokenRows(await reference.tensor(name));
  return rows.map((tokens) => ({ kind: 'tokens', tokens }) as const);
}

/** Pixels or features; one set serves both sides where the reference has no other. */
async function inputRows(reference: Reference, { kind }: ModelInput, side: 'base' | 'source') {
  const name = kind === 'image' ? 'pixel_values' : 'input_features';
  const own = `${side}.${name}`;
  const { shape, data } = await reference.tensor(reference.has(own) ? own : name);
  const [rows = 1] = shape;
  const each = data.length / rows;
  return Array.from(
    { length: rows },
    (_, row) =>
      ({ kind: 'input', data: Float32Array.from(data.subarray(row * each, (row + 1) * each)) }) as const,
  );
}

/** The position whose logits a metric is of: the last that has any. */
export function lastLogits({ architecture }: Model, start: RowStart): number {
  const { positions } = describeComponent(architecture, 'logits');
  const length = start.kind === 'tokens' ? start.tokens.length : architecture.maxPositions;
  return positions?.at(-1) ?? length - 1;
}

export const fromTokens = (tokens: readonly number[], edits: readonly Edit[] = []): Row => ({
  start: { kind: 'tokens', tokens },
  edits,
});
