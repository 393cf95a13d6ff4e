import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { matMul } from '../../onnx/contraction.ts';
import type { Backend } from '../backends/backend.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import { type Edit, type Fragment, type Location, type Plan, PlanError, replace } from '../plan/plan.ts';

const tokens = [3, 17, 8, 25, 1, 30, 12];
const families = Object.keys(tinyConfigurations) as (keyof typeof tinyConfigurations)[];

/** A row under one edit, and a plain row that edits may take from. */
const under = (edit: Edit): Plan => ({
  rows: [
    { start: { kind: 'tokens', tokens }, edits: [edit] },
    { start: { kind: 'tokens', tokens }, edits: [] },
  ],
  reads: [{ row: 0, site: { component: 'logits', layer: null }, location: { positions: 'all' } }],
});

/** Joined vectors times the matrix that exchanges their two halves of `width`. */
function exchangeHalves(width: number): Fragment {
  const data = new Float32Array(4 * width * width);
  for (let i = 0; i < 2 * width; i++) data[i * 2 * width + ((i + width) % (2 * width))] = 1;
  return {
    key: 'exchange halves',
    joined: 2,
    parameters: { matrix: { data, shape: [2 * width, 2 * width] } },
    build: ({ base, parameter }) => matMul(base, parameter('matrix')),
  };
}

describe.each(families)('edits of %s', (family) => {
  let backend: Backend;
  let model: Model;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    model = await Model.load(tinyCheckpoint(tinyConfigurations[family]), backend);
  });
  afterAll(async () => {
    await model.dispose();
    await backend.close();
  });
  const logits = async (edit: Edit) => [...((await model.run(under(edit)))[0]?.value?.data ?? [])];
  const widthOf = (name: string) =>
    model.architecture.components.find((component) => component.name === name)?.width ?? 0;

  const pairs: readonly (readonly [string, Location, Location])[] = [
    ['block_output', { positions: [1, 4] }, { positions: [4, 1] }],
    ['head_attention_value_output', { positions: 'all', heads: [0, 1] }, { positions: 'all', heads: [1, 0] }],
  ];
  test.each(pairs)('joined units of %s are one vector', async (component, location, exchanged) => {
    const site = { component, layer: 1 };
    const joined = await logits({ site, location, fragment: exchangeHalves(widthOf(component)) });
    const source = { kind: 'row', row: 1, site, location: exchanged } as const;
    expect(joined).toEqual(await logits({ site, location, fragment: replace, source }));
  });

  test('an own source is what the row itself has at the earlier component', async () => {
    const site = { component: 'mlp_output', layer: 1 };
    const location = { positions: [0, 3] };
    const own = {
      site,
      location,
      fragment: replace,
      source: { kind: 'own', component: 'mlp_input' },
    } as const;
    const from = { kind: 'row', row: 1, site: { component: 'mlp_input', layer: 1 }, location } as const;
    expect(await logits(own)).toEqual(await logits({ ...own, source: from }));
  });

  test('units that cannot be joined, and own sources that come too late, are refused', async () => {
    const site = { component: 'mlp_input', layer: 1 };
    const location = { positions: [0, 3, 5] };
    await expect(logits({ site, location, fragment: exchangeHalves(widthOf('mlp_input')) })).rejects.toThrow(
      "The edit 'exchange halves' of 'mlp_input' joins 2 units into one vector; its location has 3 units.",
    );
    const late = {
      site,
      location,
      fragment: replace,
      source: { kind: 'own', component: 'mlp_output' },
    } as const;
    await expect(logits(late)).rejects.toThrow(PlanError);
    const other = { ...late, source: { kind: 'own', component: 'head_query_output' } } as const;
    await expect(logits(other)).rejects.toThrow(/has other units than 'mlp_input'/);
  });
});
