// Forked rows of families whose blocks look at other positions in a way of their own: biases by position, rotations that
// depend on the sequence's length, experts, recurrences.

import { expect, test } from 'vitest';
import type { ModelConfiguration } from '../../checkpoint/checkpoint.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { weightedEntries } from '../backward/objectives.ts';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import { type Edit, type Row, replace } from '../plan/plan.ts';

const tokens = [3, 17, 8, 25, 1, 30, 12];
const { llama } = tinyConfigurations;

const configurations: Readonly<Record<string, ModelConfiguration>> = {
  bloom: { model_type: 'bloom', hidden_size: 12, n_layer: 3, n_head: 3, vocab_size: 31 },
  mixtral: { ...llama, model_type: 'mixtral', num_local_experts: 3 },
  phi3: {
    ...llama,
    model_type: 'phi3',
    original_max_position_embeddings: 5,
    rope_scaling: { type: 'longrope', short_factor: [1, 1], long_factor: [3, 7] },
  },
  mamba: { model_type: 'mamba', hidden_size: 8, num_hidden_layers: 3, state_size: 4, vocab_size: 31 },
  mamba2: {
    model_type: 'mamba2',
    hidden_size: 8,
    num_hidden_layers: 3,
    num_heads: 4,
    head_dim: 4,
    n_groups: 2,
    state_size: 4,
    vocab_size: 31,
  },
};

const position = 4;
const edited = (width: number): Edit => ({
  site: { component: 'block_input', layer: 1 },
  location: { positions: [position] },
  fragment: replace,
  source: { kind: 'tensor', data: Float32Array.from({ length: width }, (_, i) => Math.sin(i + 1)) },
});

test.each(Object.entries(configurations))(
  'a row of %s forked at a position equals the row run from the start, and so do its gradients',
  async (_, config) => {
    const backend = createNodeBackend(1);
    const model = await Model.load(tinyCheckpoint(config), backend);
    const edit = edited(model.architecture.width);
    const parent: Row = { start: { kind: 'tokens', tokens }, edits: [] };
    const whole: readonly Row[] = [{ ...parent, edits: [edit] }];
    const forked: readonly Row[] = [
      parent,
      { start: { kind: 'fork', parent: 0, layer: 1, position }, edits: [edit] },
    ];
    const location = { positions: [tokens.length - 1] };
    const logits = { component: 'logits', layer: null };
    const pair = [
      { entry: 7, factor: 1 },
      { entry: 11, factor: -1 },
    ];
    const outcome = async (rows: readonly Row[]) => {
      const row = rows.length - 1;
      const [read] = await model.run({ rows, reads: [{ row, site: logits, location }] });
      const { at } = await model.gradients({
        rows,
        terms: [{ row, site: logits, location, ...weightedEntries([pair]) }],
        // What the ancestor's positions say to the edited row.
        at: [{ row: 0, site: { component: 'block_input', layer: 1 }, location: { positions: [0, 1, 2, 3] } }],
      });
      return { logits: [...(read?.value?.data ?? [])], gradient: [...(at[0]?.data ?? [])] };
    };
    const [expected, found] = [await outcome(whole), await outcome(forked)];
    await model.dispose();
    expect(backend.liveTensors).toBe(0);
    await backend.close();
    expect(Math.max(...expected.gradient.map(Math.abs))).toBeGreaterThan(1e-4);
    for (const key of ['logits', 'gradient'] as const) {
      expect(found[key].length).toBe(expected[key].length);
      const gaps = found[key].map((value, i) => Math.abs(value - (expected[key][i] ?? Number.NaN)));
      expect(Math.max(...gaps)).toBeLessThan(2e-5);
    }
  },
);
