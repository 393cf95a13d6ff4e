// One read and one override of every component of a random model, as numbers: the same on every backend, so that two of
// them can be compared. On WebGPU it also creates every block graph, which fails for an operator without a kernel.

import { elementCount } from '../../runtime/backends/backend.ts';
import { seededRandom } from '../../runtime/fixtures/tinyCheckpoint.ts';
import type { Model } from '../../runtime/model.ts';
import {
  type Edit,
  type Location,
  type Plan,
  type Row,
  replace,
  type Site,
} from '../../runtime/plan/plan.ts';

export interface ComponentNumbers {
  readonly component: string;
  /** What passes the site in layer 1, all positions and heads. */
  readonly read: readonly number[];
  /** The last logits when position 2 is replaced by random numbers. */
  readonly fromTensor: readonly number[];
  /** The last logits when position 2 is replaced by what another row has at position 4. */
  readonly fromRow: readonly number[];
}

const tokens = [3, 17, 8, 25, 1, 30];
const others = [5, 9, 21, 2, 14, 7];
const last: Location = { positions: [tokens.length - 1] };
const logits: Site = { component: 'logits', layer: null };

const numbersOf = (data: Float32Array | Int32Array | undefined): readonly number[] => [...(data ?? [])];

export async function exerciseComponents(model: Model): Promise<readonly ComponentNumbers[]> {
  const random = seededRandom(7);
  const found: ComponentNumbers[] = [];
  for (const { name, scope, layout, heads = 1, width } of model.architecture.components) {
    const site: Site = { component: name, layer: scope === 'layer' ? 1 : null };
    // The head sees only positions that are read: an override there is seen where it is made.
    const at: Location = name === 'logits' || name === 'final_norm_output' ? last : { positions: [2] };
    const shape = layout === 'pair' ? [heads, 1, tokens.length] : [layout === 'head' ? heads : 1, width];
    const data = Float32Array.from({ length: elementCount(shape) }, random);
    const row = (ids: readonly number[], ...edits: readonly Edit[]): Row => ({
      start: { kind: 'tokens', tokens: ids },
      edits,
    });
    const edit = (source: NonNullable<Edit['source']>): Edit => ({
      site,
      location: at,
      fragment: replace,
      source,
    });
    const plan: Plan = {
      rows: [
        row(tokens),
        row(tokens, edit({ kind: 'tensor', data })),
        row(tokens, edit({ kind: 'row', row: 3, site, location: { positions: [4] } })),
        row(others),
      ],
      reads: [
        { row: 0, site, location: { positions: 'all' } },
        { row: 1, site: logits, location: last },
        { row: 2, site: logits, location: last },
      ],
    };
    const [read, fromTensor, fromRow] = (await model.run(plan)).map(({ value }) => numbersOf(value?.data));
    found.push({ component: name, read: read ?? [], fromTensor: fromTensor ?? [], fromRow: fromRow ?? [] });
  }
  return found;
}

/** Tensors alive on the device after the first of several passes with edits and a fork, and after the last. */
export async function countLiveTensors(
  model: Model,
  passes: number,
): Promise<{ readonly afterFirst: number; readonly afterLast: number }> {
  const site: Site = { component: 'mlp_output', layer: 1 };
  const edit: Edit = {
    site,
    location: { positions: [2] },
    fragment: replace,
    source: { kind: 'row', row: 0, site, location: { positions: [3] } },
  };
  const plan: Plan = {
    rows: [
      { start: { kind: 'tokens', tokens: others }, edits: [] },
      { start: { kind: 'tokens', tokens }, edits: [edit] },
      { start: { kind: 'fork', parent: 0, layer: 1, position: 2 }, edits: [edit] },
    ],
    reads: [0, 1, 2].map((row) => ({ row, site: logits, location: last })),
  };
  await model.run(plan);
  const afterFirst = model.backend.liveTensors;
  for (let pass = 1; pass < passes; pass++) await model.run(plan);
  return { afterFirst, afterLast: model.backend.liveTensors };
}
