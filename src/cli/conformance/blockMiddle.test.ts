// The residual stream between attention and MLP against PyTorch, which has it in no module: read, replaced, and in which
// models it is at all. The numbers are of expected/block_middle.py.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openFolder } from '../../checkpoint/openNode.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { weightedEntries } from '../../runtime/backward/objectives.ts';
import { Model } from '../../runtime/model.ts';
import { replace } from '../../runtime/plan/plan.ts';
import { fromTokens, logits } from './caseContext.ts';
import { difference, tolerances } from './compare.ts';
import { committedRoot } from './expectedFolders.ts';

const numbers = v.array(v.number());
const caseSchema = v.object({
  layer: v.number(),
  base: numbers,
  source: numbers,
  basePosition: v.number(),
  sourcePosition: v.number(),
  /** Of the base, by position. */
  middle: v.record(v.string(), numbers),
  /** At the base's position, after its stream there was replaced by the source's. */
  logits: numbers,
});
const text = readFileSync(join(committedRoot, 'block_middle.expected.json'), 'utf8');
const expected = v.parse(v.record(v.string(), v.nullable(caseSchema)), JSON.parse(text));

let backend: Backend;
beforeAll(() => {
  backend = createNodeBackend(1);
});
afterAll(() => backend.close());

async function onModel(name: string, act: (model: Model) => Promise<void>): Promise<void> {
  const checkpoint = await openFolder(join(committedRoot, name, 'model'));
  const model = await Model.load(checkpoint, backend);
  try {
    await act(model);
  } finally {
    await model.dispose();
    await checkpoint.close();
  }
}

const isWithin = (found: ArrayLike<number> | undefined, wanted: readonly number[]): boolean =>
  difference(found ?? [], wanted, tolerances.node).isWithin;

test.each(Object.entries(expected))('%s has the stream that PyTorch has there', (name, of) =>
  onModel(name, async (model) => {
    const names = model.architecture.components.map((component) => component.name);
    expect(names.includes('block_middle')).toBe(of !== null);
    if (!of) return;
    const { base, source, basePosition, sourcePosition } = of;
    const site = { component: 'block_middle', layer: of.layer };
    const edit = {
      site,
      location: { positions: [basePosition] },
      fragment: replace,
      source: { kind: 'row', row: 1, site, location: { positions: [sourcePosition] } },
    } as const;
    const places = Object.entries(of.middle);
    const results = await model.run({
      rows: [fromTokens(base), fromTokens(source), fromTokens(base, [edit])],
      reads: [
        { row: 2, site: logits, location: { positions: [basePosition] } },
        ...places.map(([position]) => ({ row: 0, site, location: { positions: [Number(position)] } })),
      ],
    });
    const [edited, ...read] = results.map(({ value }) => value?.data);
    expect(isWithin(edited, of.logits)).toBe(true);
    for (const [index, [, wanted]] of places.entries()) expect(isWithin(read[index], wanted)).toBe(true);
  }),
);

test.each(['gpt2-inner', 'llama-biases'])('its gradient in %s is that of what attention adds to it', (name) =>
  onModel(name, async (model) => {
    const tokens = [3, 5, 8, 2];
    const location = { positions: [1] };
    const { at } = await model.gradients({
      rows: [fromTokens(tokens)],
      terms: [
        {
          row: 0,
          site: logits,
          location: { positions: [3] },
          ...weightedEntries([[{ entry: 7, factor: 1 }]]),
        },
      ],
      at: ['block_middle', 'attention_output'].map((component) => ({
        row: 0,
        site: { component, layer: 0 },
        location,
      })),
    });
    const [middle, added] = at.map(({ data }) => data);
    expect(Math.max(...(middle ?? []).map(Math.abs))).toBeGreaterThan(1e-3);
    expect(isWithin(middle, [...(added ?? [])])).toBe(true);
  }),
);
