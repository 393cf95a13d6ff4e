// Rows of the state-space models that begin with a state, against the same edits in rows run from their tokens.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ModelConfiguration } from '../../checkpoint/checkpoint.ts';
import type { Backend } from '../backends/backend.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { createWasmBackendOnNode } from '../backends/wasmBackendOnNode.ts';
import { dawnDevice, openDawnBackend } from '../fixtures/dawnBackend.ts';
import { tinyCheckpoint } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import { type Edit, type Plan, type Row, replace } from '../plan/plan.ts';
import { schedule } from '../plan/schedule.ts';
import { handsStates } from './handedStates.ts';

const tokens = [3, 17, 8, 25, 1, 30, 12, 5, 9];
const mamba = { model_type: 'mamba', hidden_size: 8, num_hidden_layers: 3, state_size: 4, vocab_size: 31 };
const mamba2 = {
  model_type: 'mamba2',
  hidden_size: 8,
  num_hidden_layers: 3,
  num_heads: 4,
  head_dim: 4,
  n_groups: 2,
  state_size: 4,
  vocab_size: 31,
};
const configurations: readonly (readonly [string, ModelConfiguration])[] = [
  ['mamba', mamba],
  ['mamba2', mamba2],
  ['mamba whose convolution sees one position', { ...mamba, conv_kernel: 1, use_conv_bias: false }],
  ['mamba2 whose convolution sees two positions', { ...mamba2, conv_kernel: 2, n_groups: 1 }],
];

const device = await dawnDevice();
const backends: readonly (readonly [string, () => Promise<Backend>])[] = [
  ['node', async () => createNodeBackend(1)],
  ['wasm', () => createWasmBackendOnNode(1)],
  ...('number' in device ? [['webgpu', () => openDawnBackend(device.number)] as const] : []),
];

const put = (component: string, layer: number, positions: readonly number[], width: number): Edit => ({
  site: { component, layer },
  location: { positions },
  fragment: replace,
  source: {
    kind: 'tensor',
    data: Float32Array.from({ length: width * positions.length }, (_, i) => Math.sin(i + layer + 1)),
  },
});
const whole = (...edits: readonly Edit[]): Row => ({ start: { kind: 'tokens', tokens }, edits });
const fork = (parent: number, layer: number, position: number, ...edits: readonly Edit[]): Row => ({
  start: { kind: 'fork', parent, layer, position },
  edits,
});
const end = tokens.length - 1;

/** A row as a chain of forks, and the edits that it has in all. */
function chains(width: number, stateWidth: number) {
  const early = put('block_input', 1, [1], width);
  const middle = put('block_output', 1, [4, 6], width);
  const late = put('mixer_output', 2, [end], width);
  const state = put('ssm_state', 2, [5], stateWidth);
  const rows: readonly Row[] = [
    whole(),
    fork(0, 1, 1, early),
    fork(1, 1, 4, middle),
    fork(2, 2, end, late),
    fork(0, 2, 5, state),
    // At the place where its parent forks, at its layer and at a later one.
    fork(2, 1, 4),
    fork(2, 2, 4, put('block_input', 2, [4], width)),
    fork(0, 0, 0, early),
    // Behind fewer positions than the convolution sees.
    fork(0, 0, 1, put('mixer_input', 0, [1], width)),
  ];
  const edits: readonly (readonly Edit[])[] = [
    [],
    [early],
    [early, middle],
    [early, middle, late],
    [state],
    [early],
    [early, put('block_output', 1, [4, 6], width), put('block_input', 2, [4], width)],
    [early],
    [put('mixer_input', 0, [1], width)],
  ];
  return { rows, whole: edits.map((each) => whole(...each)) };
}

describe.each(backends)('on %s', (where, open) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
  });
  afterAll(() => backend.close());

  // Software computes as a GPU would, slowly.
  test.each(where === 'webgpu' ? configurations.slice(0, 2) : configurations)(
    'rows of %s that begin with a state equal rows run from their tokens',
    async (name, config) => {
      const model = await Model.load(tinyCheckpoint(config), backend);
      const { architecture } = model;
      const { rows, whole } = chains(architecture.width, architecture.recurrence?.stateWidth ?? 0);
      const plan = (all: readonly Row[]): Plan => ({
        rows: all,
        reads: all.flatMap((_, row) => [
          { row, site: { component: 'logits', layer: null }, location: { positions: [end] } },
          { row, site: { component: 'ssm_state', layer: 2 }, location: { positions: [end] } },
          { row, site: { component: 'ssm_output', layer: 2 }, location: { positions: [end] } },
        ]),
      });
      expect(handsStates(architecture, schedule(architecture, plan(rows)), backend)).toBe(true);
      const [found, expected] = [await model.run(plan(rows)), await model.run(plan(whole))];
      found.forEach(({ value }, read) => {
        const other = expected[read]?.value?.data ?? [];
        expect(value?.data.length).toBe(other.length);
        const gaps = [...(value?.data ?? [])].map((number, i) => Math.abs(number - (other[i] ?? Number.NaN)));
        expect(Math.max(...gaps), `${name}, read ${read}`).toBeLessThan(1e-5);
      });
      // The edits are no small thing.
      const logits = (row: number) => [...(expected[3 * row]?.value?.data ?? [])];
      for (const row of [1, 2, 3, 4, 6, 8])
        expect(Math.max(...logits(row).map((x, i) => Math.abs(x - (logits(0)[i] ?? 0))))).toBeGreaterThan(
          1e-4,
        );
      await model.dispose();
    },
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
