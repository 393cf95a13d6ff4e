// What a GPU finds compiled after it: cli/webgpu.test.ts.

import { expect, test } from 'vitest';
import type { ModelConfiguration } from '../checkpoint/checkpoint.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../runtime/model.ts';
import { rehearse } from './rehearse.ts';

const { llama } = tinyConfigurations;
const configurations: Readonly<Record<string, ModelConfiguration>> = {
  ...tinyConfigurations,
  gemma3: { ...llama, model_type: 'gemma3_text', head_dim: 4, sliding_window: 3, sliding_window_pattern: 3 },
  mamba: { model_type: 'mamba', hidden_size: 8, num_hidden_layers: 3, state_size: 4, vocab_size: 31 },
  short: { ...llama, max_position_embeddings: 4 },
  bert: {
    model_type: 'bert',
    hidden_size: 16,
    num_hidden_layers: 3,
    num_attention_heads: 4,
    intermediate_size: 24,
    max_position_embeddings: 32,
    vocab_size: 31,
  },
};

test.each(Object.entries(configurations))('%s is rehearsed to its end', async (_, config) => {
  const backend = createNodeBackend(1);
  const model = await Model.load(tinyCheckpoint(config), backend);
  const { signal } = new AbortController();
  // Nobody is told why it ends, so that it may not fail for what it asks.
  await rehearse(model, signal);
  const held = [backend.liveTensors, backend.livePrograms];
  expect(held[1]).toBeGreaterThan(model.architecture.isCausal ? 5 : 2);
  await rehearse(model, signal);
  expect([backend.liveTensors, backend.livePrograms]).toEqual(held);
  await model.dispose();
  expect([backend.liveTensors, backend.livePrograms]).toEqual([0, 0]);
  await backend.close();
});
