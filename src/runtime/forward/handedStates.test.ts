// Rows of the state-space models that begin with a state, against the same edits in rows run from their tokens.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Backend } from '../backends/backend.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { createWasmBackendOnNode } from '../backends/wasmBackendOnNode.ts';
import {
  configurations,
  end,
  expectSameRows,
  fork,
  mamba,
  put,
  tokens,
  whole,
} from '../fixtures/handedRows.ts';
import { tinyCheckpoint } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import type { Plan } from '../plan/plan.ts';
import { handsStates } from './handedStates.ts';

describe.each<readonly [string, () => Promise<Backend>]>([
  ['node', async () => createNodeBackend(1)],
  ['wasm', () => createWasmBackendOnNode(1)],
])('on %s', (_, open) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
  });
  afterAll(() => backend.close());

  test.each(configurations)(
    'rows of %s that begin with a state equal rows run from their tokens',
    (name, config) => expectSameRows(name, config, backend, handsStates),
  );
});

test('states are held by the part of a batch that a device had room for: where they are too many, rows gather what made them', async () => {
  const backend = createNodeBackend(1);
  const last = { positions: [end] };
  /** Forks at seven positions: seven states of 64 numbers with windows of 48. */
  const plan: Plan = {
    rows: [
      whole(),
      ...tokens.slice(2).map((_, at) => fork(0, 1, at + 1, put('block_input', 1, [at + 1], 8))),
    ],
    reads: tokens
      .slice(1)
      .map((_, row) => ({ row, site: { component: 'logits', layer: null }, location: last })),
  };
  /** How many of the graphs begin with states, and all numbers that are read. */
  async function withRoomFor(numbers: number) {
    const compile = vi.spyOn(backend, 'compile');
    const batchShare = (4 * numbers) / backend.batchBytes;
    const model = await Model.load(tinyCheckpoint(mamba), backend, { room: { batchShare, notices: [] } });
    const results = await model.run(plan);
    const begun = compile.mock.calls.filter(([graph]) => graph.inputs.has('start_index')).length;
    compile.mockRestore();
    await model.dispose();
    return { begun, logits: results.flatMap(({ value }) => [...(value?.data ?? [])]) };
  }
  const held = 7 * (64 + 48);
  const [roomy, small] = [await withRoomFor(held), await withRoomFor(held / 4 - 1)];
  expect(roomy.begun).toBeGreaterThan(0);
  expect(small.begun).toBe(0);
  expect(small.logits.length).toBe(roomy.logits.length);
  const gaps = small.logits.map((logit, at) => Math.abs(logit - (roomy.logits[at] ?? Number.NaN)));
  expect(Math.max(...gaps)).toBeLessThan(1e-5);
  await backend.close();
});
