// Random checkpoints of any shape in memory, for tests: nothing is read from anywhere.

import { describeArchitecture, weightSources } from '../architectures/registry.ts';
import type { Checkpoint, ModelConfiguration, TensorInfo } from '../checkpoint/checkpoint.ts';
import { CheckpointError, UnknownTensorError } from '../checkpoint/checkpoint.ts';

/** A small generator with a seed (mulberry32): the same numbers everywhere. @returns values in [-1, 1) */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

export const tinyConfigurations = {
  gpt2: { model_type: 'gpt2', n_embd: 16, n_layer: 3, n_head: 4, n_positions: 24, vocab_size: 31 },
  llama: {
    model_type: 'llama',
    hidden_size: 16,
    num_hidden_layers: 3,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    intermediate_size: 24,
    max_position_embeddings: 32,
    vocab_size: 31,
  },
  gpt_neox: {
    model_type: 'gpt_neox',
    hidden_size: 16,
    num_hidden_layers: 3,
    num_attention_heads: 2,
    intermediate_size: 24,
    max_position_embeddings: 32,
    vocab_size: 31,
    rotary_pct: 0.5,
  },
  mistral: {
    model_type: 'mistral',
    hidden_size: 16,
    num_hidden_layers: 3,
    num_attention_heads: 4,
    num_key_value_heads: 1,
    head_dim: 6,
    intermediate_size: 24,
    max_position_embeddings: 32,
    vocab_size: 31,
    sliding_window: 3,
  },
} as const satisfies Readonly<Record<string, ModelConfiguration>>;

/** A checkpoint with random weights, large enough that every nonlinearity matters. */
export function tinyCheckpoint(config: ModelConfiguration, seed = 1): Checkpoint {
  const sources = weightSources(describeArchitecture(config, new Set()));
  const tensors = new Map<string, TensorInfo>();
  for (const source of sources) {
    if (source.kind !== 'tensor') continue;
    const { tensor: name, shape } = source;
    tensors.set(name, { name, dtype: 'F32', shape, sizeBytes: 4 * shape.reduce((a, b) => a * b, 1) });
  }
  const names = [...tensors.keys()];
  return {
    label: `random ${config.model_type}`,
    config,
    tensors,
    read: async (name) => {
      const info = tensors.get(name);
      if (!info) throw new UnknownTensorError(`No tensor '${name}'.`);
      const random = seededRandom(seed * 1000 + names.indexOf(name));
      const isNorm = info.shape.length === 1 && name.endsWith('weight');
      const data = Float32Array.from({ length: info.sizeBytes / 4 }, () => (isNorm ? 1 : 0) + 0.5 * random());
      return new Uint8Array(data.buffer);
    },
    tokenizer: async () => Promise.reject(new CheckpointError('A random checkpoint has no tokenizer.')),
    close: async () => undefined,
  };
}
