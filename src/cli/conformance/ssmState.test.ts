// States of recurrences against a computation of them position by position, in float64, that is no part of PyTorch's models:
// read, replaced at two positions, and differentiated. The numbers are of expected/ssm_state.py.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { openFolder } from '../../checkpoint/openNode.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { createWasmBackendOnNode } from '../../runtime/backends/wasmBackendOnNode.ts';
import { weightedEntries } from '../../runtime/backward/objectives.ts';
import { Model } from '../../runtime/model.ts';
import { type Plan, type Row, replace } from '../../runtime/plan/plan.ts';
import { fromTokens, logits } from './caseContext.ts';
import { difference, tolerances } from './compare.ts';
import { committedRoot } from './expectedFolders.ts';

const numbers = v.array(v.number());
const caseSchema = v.object({
  layer: v.number(),
  base: numbers,
  source: numbers,
  /** Of the base; each takes the state of the source's next position. */
  positions: numbers,
  /** By position. */
  states: v.record(v.string(), numbers),
  editedStates: v.record(v.string(), numbers),
  /** Of all positions. */
  editedLogits: numbers,
  /** Of the last position's logit 7 less its logit 11, by position. */
  gradient: v.record(v.string(), numbers),
});
const text = readFileSync(join(committedRoot, 'ssm_state.expected.json'), 'utf8');
const expected = v.parse(v.record(v.string(), caseSchema), JSON.parse(text));
type Case = v.InferOutput<typeof caseSchema>;

const backends = { node: async () => createNodeBackend(1), wasm: () => createWasmBackendOnNode(1) };

async function onModel(
  name: string,
  kind: keyof typeof backends,
  act: (model: Model, backend: Backend) => Promise<void>,
): Promise<void> {
  const backend = await backends[kind]();
  const checkpoint = await openFolder(join(committedRoot, name, 'model'));
  const model = await Model.load(checkpoint, backend);
  try {
    await act(model, backend);
    await model.dispose();
    expect(backend.liveTensors).toBe(0);
  } finally {
    await checkpoint.close();
    await backend.close();
  }
}

const stateAt = (layer: number) => ({ component: 'ssm_state', layer });
const everywhere = { positions: 'all' } as const;

function expectClose(found: ArrayLike<number> | undefined, wanted: readonly number[]): void {
  const { isWithin, ...gap } = difference(found ?? [], wanted, tolerances.node);
  expect(isWithin, JSON.stringify(gap)).toBe(true);
}

const byPosition = (of: Readonly<Record<string, readonly number[]>>, { base }: Case): readonly number[] =>
  base.flatMap((_, position) => of[position] ?? []);

/** The base with two states from the source, which may carry the positions from `from` on alone. */
function editedRow({ layer, positions }: Case, start: Row['start'], source: number): Row {
  return {
    start,
    // The later one first: the order in which they act is that of the positions.
    edits: [...positions].reverse().map((position) => ({
      site: stateAt(layer),
      location: { positions: [position] },
      fragment: replace,
      source: { kind: 'row', row: source, site: stateAt(layer), location: { positions: [position + 1] } },
    })),
  };
}

const runs = Object.entries(expected).flatMap(([name, of]) =>
  (['node', 'wasm'] as const).map((kind) => [name, kind, of] as const),
);

test.each(runs)('%s has the states that the recurrence has, on %s', (name, kind, of) =>
  onModel(name, kind, async (model) => {
    const width = of.states[0]?.length;
    expect(model.architecture.components.find((each) => each.name === 'ssm_state')?.width).toBe(width);
    const [read] = await model.run({
      rows: [fromTokens(of.base)],
      reads: [{ row: 0, site: stateAt(of.layer), location: everywhere }],
    });
    expectClose(read?.value?.data, byPosition(of.states, of));
  }),
);

test.each(runs)('later positions of %s follow from replaced states, on %s', (name, kind, of) =>
  onModel(name, kind, async (model) => {
    const rows = [fromTokens(of.source), editedRow(of, fromTokens(of.base).start, 0)];
    const reads = [
      { row: 1, site: stateAt(of.layer), location: everywhere },
      { row: 1, site: logits, location: everywhere },
    ];
    const [states, said] = await model.run({ rows, reads });
    expectClose(states?.value?.data, byPosition(of.editedStates, of));
    expectClose(said?.value?.data, of.editedLogits);
  }),
);

test.each(Object.entries(expected))('a forked row of %s follows from its own replaced states', (name, of) =>
  onModel(name, 'node', async (model) => {
    const fork = { kind: 'fork', parent: 1, layer: of.layer, position: 1 } as const;
    const plan: Plan = {
      rows: [fromTokens(of.source), fromTokens(of.base), editedRow(of, fork, 0)],
      reads: [
        { row: 2, site: logits, location: { positions: of.base.map((_, position) => position).slice(1) } },
      ],
    };
    const [said] = await model.run(plan);
    expectClose(said?.value?.data, of.editedLogits.slice(of.editedLogits.length / of.base.length));
  }),
);

test.each(Object.entries(expected))('the gradient at a state of %s counts all that follows', (name, of) =>
  onModel(name, 'node', async (model) => {
    const last = { positions: [of.base.length - 1] };
    const pair = [
      { entry: 7, factor: 1 },
      { entry: 11, factor: -1 },
    ];
    const { at } = await model.gradients({
      rows: [fromTokens(of.base)],
      terms: [{ row: 0, site: logits, location: last, ...weightedEntries([pair]) }],
      at: [{ row: 0, site: stateAt(of.layer), location: everywhere }],
    });
    expectClose(at[0]?.data, byPosition(of.gradient, of));
  }),
);

test('what would lose an edited state is refused', () =>
  onModel('mamba-unbiased', 'node', async (model) => {
    const of = expected['mamba-unbiased'];
    if (!of) throw new Error('The case is missing.');
    const edited = editedRow(of, fromTokens(of.base).start, 0);
    const rows = [fromTokens(of.source), edited];
    const behind: Row = { start: { kind: 'fork', parent: 1, layer: 0, position: 2 }, edits: [] };
    const reads = [{ row: 2, site: logits, location: { positions: [5] } }];
    await expect(model.run({ rows: [...rows, behind], reads })).rejects.toThrow(
      "Row 2 forks at position 2 from row 1, in which 'ssm_state' of layer 1 is edited at position 1",
    );
    await expect(model.keep({ rows, reads: [] }, { layer: 1, positions: new Map([[1, 4]]) })).rejects.toThrow(
      "Row 1 cannot be kept from position 4 on: 'ssm_state' of layer 1",
    );
    const vector = new Float32Array(of.states[0]?.length ?? 0);
    await expect(
      model.decode([
        {
          tokens: of.base,
          edits: [
            {
              site: stateAt(1),
              fragment: replace,
              source: { kind: 'vector', data: vector },
              at: { prompt: 'all', steps: 'all' },
            },
          ],
        },
      ]),
    ).rejects.toThrow("'ssm_state' cannot be edited while text is generated");
    const joined = { ...replace, joined: 2 };
    const two = {
      site: stateAt(1),
      location: { positions: [1, 2] },
      fragment: joined,
      source: { kind: 'tensor' as const, data: new Float32Array(2 * vector.length) },
    };
    await expect(model.run({ rows: [{ ...fromTokens(of.base), edits: [two] }], reads: [] })).rejects.toThrow(
      "joins 2 units of 'ssm_state'",
    );
    const at = [{ row: 0, site: stateAt(1), location: { positions: [0] } }];
    const forked: Row = { start: { kind: 'fork', parent: 0, layer: 1, position: 2 }, edits: [] };
    const term = { row: 1, site: logits, location: { positions: [5] } };
    await expect(
      model.gradients({
        rows: [fromTokens(of.base), forked],
        terms: [{ ...term, ...weightedEntries([[{ entry: 7, factor: 1 }]]) }],
        at,
      }),
    ).rejects.toThrow("The gradient at 'ssm_state' of row 0 does not count what row 1 makes of it");
  }));
