// The descendants of GPT: layer norms with biases, queries, keys and values in one matrix, and a plain MLP.

import type { ModelConfiguration } from '../../checkpoint.ts';
import {
  type GgufFamily,
  type GgufModel,
  headWidth,
  isTied,
  type NameTable,
  renameBy,
  rotaryShare,
  rowsOf,
  same,
  sizesOf,
  vocabularySize,
} from '../ggufFamily.ts';
import type { RowLayout } from '../ggufRows.ts';
import { llamaNames } from './llama.ts';

const gpt2Names: NameTable = {
  outside: {
    token_embd: 'transformer.wte',
    position_embd: 'transformer.wpe',
    output_norm: 'transformer.ln_f',
    output: 'lm_head',
  },
  blocks: 'transformer.h',
  inside: {
    attn_norm: 'ln_1',
    attn_qkv: 'attn.c_attn',
    attn_output: 'attn.c_proj',
    ffn_norm: 'ln_2',
    ffn_up: 'mlp.c_fc',
    ffn_down: 'mlp.c_proj',
  },
};

const neoxNames: NameTable = {
  outside: { token_embd: 'gpt_neox.embed_in', output_norm: 'gpt_neox.final_layer_norm', output: 'embed_out' },
  blocks: 'gpt_neox.layers',
  inside: {
    attn_norm: 'input_layernorm',
    attn_qkv: 'attention.query_key_value',
    attn_output: 'attention.dense',
    ffn_norm: 'post_attention_layernorm',
    ffn_up: 'mlp.dense_h_to_4h',
    ffn_down: 'mlp.dense_4h_to_h',
  },
};

const bloomNames: NameTable = {
  outside: {
    token_embd: 'transformer.word_embeddings',
    token_embd_norm: 'transformer.word_embeddings_layernorm',
    output_norm: 'transformer.ln_f',
    output: 'lm_head',
  },
  blocks: 'transformer.h',
  inside: {
    attn_norm: 'input_layernorm',
    attn_qkv: 'self_attention.query_key_value',
    attn_output: 'self_attention.dense',
    ffn_norm: 'post_attention_layernorm',
    ffn_up: 'mlp.dense_h_to_4h',
    ffn_down: 'mlp.dense_4h_to_h',
  },
};

/** Rows that transformers keeps by groups: the queries of a group, then its key and its value. */
function grouped(part: string, model: GgufModel, keyHeads: number): RowLayout {
  return part === 'attn_qkv' ? { kind: 'fused', heads: sizesOf(model).heads(), keyHeads } : same;
}

const layerEpsilon = ({ metadata }: GgufModel): number =>
  metadata.number(metadata.own('attention.layer_norm_epsilon'));

const ends = (model: GgufModel): ModelConfiguration => ({
  vocab_size: vocabularySize(model),
  tie_word_embeddings: isTied(model),
});

/** GPT-2's own words. The matrix says how wide the MLP is; the converter always writes four times the stream. */
function gpt2Words(model: GgufModel): ModelConfiguration {
  const { hidden, layers, positions, heads } = sizesOf(model);
  return {
    n_embd: hidden,
    n_head: heads(),
    n_layer: layers,
    n_inner: rowsOf(model, 'blk.0.ffn_up.weight'),
    n_positions: positions,
    layer_norm_epsilon: layerEpsilon(model),
    ...ends(model),
  };
}

const transposedParts = ['attn_qkv', 'attn_output', 'ffn_up', 'ffn_down'];

export const gpt2: GgufFamily = {
  configuration: (model) => ({
    model_type: 'gpt2',
    architectures: ['GPT2LMHeadModel'],
    ...gpt2Words(model),
    activation_function: 'gelu_new',
  }),
  rename: (name) =>
    renameBy(gpt2Names, name, (part, suffix) =>
      suffix === 'weight' && transposedParts.includes(part) ? { kind: 'transposed' } : same,
    ),
};

export const starcoder: GgufFamily = {
  configuration: (model) => ({
    model_type: 'gpt_bigcode',
    architectures: ['GPTBigCodeForCausalLM'],
    ...gpt2Words(model),
    multi_query: true,
    activation_function: 'gelu_pytorch_tanh',
  }),
  rename: (name) => renameBy(gpt2Names, name),
};

export const gptNeox: GgufFamily = {
  entries: ['use_parallel_residual'],
  configuration: (model) => {
    const { metadata, header } = model;
    const { hidden, layers, positions, heads, theta } = sizesOf(model);
    return {
      model_type: 'gpt_neox',
      architectures: ['GPTNeoXForCausalLM'],
      hidden_size: hidden,
      intermediate_size: metadata.count(metadata.own('feed_forward_length')),
      num_hidden_layers: layers,
      num_attention_heads: heads(),
      hidden_act: 'gelu',
      max_position_embeddings: positions,
      layer_norm_eps: layerEpsilon(model),
      rotary_pct: rotaryShare(model),
      rotary_emb_base: theta,
      use_parallel_residual: metadata.optionalBoolean(metadata.own('use_parallel_residual')) ?? true,
      attention_bias: header.tensors.has('blk.0.attn_qkv.bias'),
      ...ends(model),
    };
  },
  rename: (name, model) => renameBy(neoxNames, name, (part) => grouped(part, model, sizesOf(model).heads())),
};

export const bloom: GgufFamily = {
  configuration: (model) => {
    const { hidden, layers, heads } = sizesOf(model);
    return {
      model_type: 'bloom',
      architectures: ['BloomForCausalLM'],
      hidden_size: hidden,
      n_layer: layers,
      n_head: heads(),
      layer_norm_epsilon: layerEpsilon(model),
      ...ends(model),
    };
  },
  rename: (name, model) => renameBy(bloomNames, name, (part) => grouped(part, model, sizesOf(model).heads())),
};

const hasSecondNorm = ({ header }: GgufModel): boolean => header.tensors.has('blk.0.attn_norm_2.weight');

/**
 * All falcons in the words of the later ones, of which the first, with one key and one norm, is a case. The sequential ones
 * with biases by position (falcon-rw) are not of llama.cpp.
 */
export const falcon: GgufFamily = {
  configuration: (model) => {
    const { hidden, layers, positions, heads, keyHeads, theta } = sizesOf(model);
    return {
      model_type: 'falcon',
      architectures: ['FalconForCausalLM'],
      hidden_size: hidden,
      ffn_hidden_size: rowsOf(model, 'blk.0.ffn_up.weight'),
      num_hidden_layers: layers,
      num_attention_heads: heads(),
      num_kv_heads: keyHeads(),
      new_decoder_architecture: true,
      num_ln_in_parallel_attn: hasSecondNorm(model) ? 2 : 1,
      alibi: false,
      bias: false,
      activation: 'gelu',
      max_position_embeddings: positions,
      layer_norm_epsilon: layerEpsilon(model),
      rope_theta: theta,
      ...ends(model),
    };
  },
  rename: (name, model) => {
    const norms = hasSecondNorm(model)
      ? { attn_norm: 'ln_mlp', attn_norm_2: 'ln_attn' }
      : { attn_norm: 'input_layernorm' };
    const { ffn_norm: _, ...inside } = bloomNames.inside;
    const names = { ...bloomNames, inside: { ...inside, ...norms } };
    return renameBy(names, name, (part) => grouped(part, model, sizesOf(model).keyHeads()));
  },
};

const phi2Names: NameTable = {
  outside: { ...llamaNames.outside, output_norm: 'model.final_layernorm' },
  blocks: llamaNames.blocks,
  inside: {
    attn_norm: 'input_layernorm',
    attn_q: 'self_attn.q_proj',
    attn_k: 'self_attn.k_proj',
    attn_v: 'self_attn.v_proj',
    attn_output: 'self_attn.dense',
    ffn_up: 'mlp.fc1',
    ffn_down: 'mlp.fc2',
  },
};

export const phi2: GgufFamily = {
  configuration: (model) => {
    const { hidden, layers, positions, heads, keyHeads, theta } = sizesOf(model);
    return {
      model_type: 'phi',
      architectures: ['PhiForCausalLM'],
      hidden_size: hidden,
      intermediate_size: rowsOf(model, 'blk.0.ffn_up.weight'),
      num_hidden_layers: layers,
      num_attention_heads: heads(),
      num_key_value_heads: keyHeads(),
      head_dim: headWidth(model, true),
      hidden_act: 'gelu_new',
      max_position_embeddings: positions,
      layer_norm_eps: layerEpsilon(model),
      partial_rotary_factor: rotaryShare(model),
      rope_theta: theta,
      ...ends(model),
    };
  },
  rename: (name) => renameBy(phi2Names, name),
};
