// Mamba and Mamba 2. The file holds -exp of the logarithm that transformers keeps, and no axis of one channel.

import type { ModelConfiguration } from '../../checkpoint.ts';
import {
  type GgufFamily,
  type GgufModel,
  isTied,
  type NameTable,
  partsOf,
  type RenamedTensor,
  renameBy,
  vocabularySize,
} from '../ggufFamily.ts';

const names: NameTable = {
  outside: { token_embd: 'backbone.embeddings', output_norm: 'backbone.norm_f', output: 'lm_head' },
  blocks: 'backbone.layers',
  inside: {
    attn_norm: 'norm',
    ssm_in: 'mixer.in_proj',
    ssm_conv1d: 'mixer.conv1d',
    ssm_x: 'mixer.x_proj',
    ssm_dt: 'mixer.dt_proj',
    ssm_a: 'mixer.A_log',
    ssm_d: 'mixer.D',
    ssm_norm: 'mixer.norm',
    ssm_out: 'mixer.out_proj',
  },
};

function rename(name: string): RenamedTensor | undefined {
  const renamed = renameBy(names, name, (part) =>
    part === 'ssm_a' ? { kind: 'values', from: 'negativeOfExponential' } : { kind: 'same' },
  );
  const { part, suffix } = partsOf(name) ?? {};
  if (part !== 'ssm_conv1d' || suffix !== 'weight' || !renamed) return renamed;
  return { ...renamed, reshape: ([channels = 0, kernel = 0]) => [channels, 1, kernel] };
}

const words = (model: GgufModel): ModelConfiguration => {
  const { metadata, header } = model;
  return {
    hidden_size: metadata.count(metadata.own('embedding_length')),
    num_hidden_layers: metadata.count(metadata.own('block_count')),
    state_size: metadata.count(metadata.own('ssm.state_size')),
    conv_kernel: metadata.count(metadata.own('ssm.conv_kernel')),
    layer_norm_epsilon: metadata.number(metadata.own('attention.layer_norm_rms_epsilon')),
    hidden_act: 'silu',
    use_bias: header.tensors.has('blk.0.ssm_in.bias'),
    use_conv_bias: header.tensors.has('blk.0.ssm_conv1d.bias'),
    vocab_size: vocabularySize(model),
    tie_word_embeddings: isTied(model),
  };
};

const stateEntries = ['ssm.conv_kernel', 'ssm.inner_size', 'ssm.state_size', 'ssm.time_step_rank'];

export const mamba: GgufFamily = {
  entries: stateEntries,
  configuration: (model) => {
    const { metadata } = model;
    return {
      model_type: 'mamba',
      architectures: ['MambaForCausalLM'],
      ...words(model),
      intermediate_size: metadata.count(metadata.own('ssm.inner_size')),
      time_step_rank: metadata.count(metadata.own('ssm.time_step_rank')),
    };
  },
  rename,
};

export const mamba2: GgufFamily = {
  entries: [...stateEntries, 'ssm.group_count'],
  configuration: (model) => {
    const { metadata } = model;
    const inner = metadata.count(metadata.own('ssm.inner_size'));
    const heads = metadata.count(metadata.own('ssm.time_step_rank'));
    return {
      model_type: 'mamba2',
      architectures: ['Mamba2ForCausalLM'],
      ...words(model),
      expand: inner / metadata.count(metadata.own('embedding_length')),
      num_heads: heads,
      head_dim: inner / heads,
      n_groups: metadata.count(metadata.own('ssm.group_count')),
    };
  },
  rename: (name) => {
    const { block, part } = partsOf(name) ?? {};
    if (part === 'ssm_dt' && name.endsWith('.bias') && block !== undefined)
      return { names: [`backbone.layers.${block}.mixer.dt_bias`], layout: { kind: 'same' } };
    const renamed = rename(name);
    const isFlat = part === 'ssm_a' || part === 'ssm_d' || part === 'ssm_norm';
    return renamed && isFlat ? { ...renamed, reshape: flattened } : renamed;
  },
};

const flattened = (shape: readonly number[]): readonly number[] => [
  shape.reduce((product, size) => product * size, 1),
];
