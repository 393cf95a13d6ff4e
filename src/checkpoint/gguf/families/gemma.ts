// Gemma 1 to 3: LLaMA's words, norms whose weights the file holds with 1 added, and constants that llama.cpp knows by heart.

import type { ModelConfiguration } from '../../checkpoint.ts';
import {
  type GgufFamily,
  type GgufModel,
  headWidth,
  type NameTable,
  renameBy,
  same,
  sizesOf,
} from '../ggufFamily.ts';
import type { RowLayout } from '../ggufRows.ts';
import { llamaNames, llamaWords } from './llama.ts';

const layoutOf = (part: string): RowLayout =>
  part.endsWith('norm') ? { kind: 'values', from: 'oneMore' } : same;

const fourNorms: NameTable = {
  ...llamaNames,
  inside: {
    ...llamaNames.inside,
    post_attention_norm: 'post_attention_layernorm',
    ffn_norm: 'pre_feedforward_layernorm',
    post_ffw_norm: 'post_feedforward_layernorm',
    attn_q_norm: 'self_attn.q_norm',
    attn_k_norm: 'self_attn.k_norm',
  },
};

const gemmaWords = (model: GgufModel): ModelConfiguration => ({
  ...llamaWords(model),
  head_dim: headWidth(model),
  rms_norm_eps: model.metadata.number(model.metadata.own('attention.layer_norm_rms_epsilon')),
});

const optional = ({ metadata }: GgufModel, key: string): number | undefined =>
  metadata.optionalNumber(metadata.own(key)) || undefined;

/** What the query is divided by the root of; the largest model of a generation, known by its layers, has its own. */
function queryScalar(model: GgufModel, layersOfLargest: number): number {
  const { hidden, layers, heads } = sizesOf(model);
  return layers === layersOfLargest ? Math.trunc(hidden / heads()) : headWidth(model);
}

/** Every so-manieth layer sees all; the others a window. */
function layerTypes(model: GgufModel, otherwise: number): readonly string[] {
  const every = optional(model, 'attention.sliding_window_pattern') ?? otherwise;
  return Array.from({ length: sizesOf(model).layers }, (_, layer) =>
    (layer + 1) % every === 0 ? 'full_attention' : 'sliding_attention',
  );
}

export const gemma: GgufFamily = {
  configuration: (model) => ({
    model_type: 'gemma',
    architectures: ['GemmaForCausalLM'],
    ...gemmaWords(model),
    hidden_act: 'gelu_pytorch_tanh',
  }),
  rename: (name) => renameBy(llamaNames, name, layoutOf),
};

const windowEntries = [
  'attention.sliding_window',
  'attention.sliding_window_pattern',
  'final_logit_softcapping',
];

export const gemma2: GgufFamily = {
  entries: [...windowEntries, 'attn_logit_softcapping'],
  configuration: (model) => ({
    model_type: 'gemma2',
    architectures: ['Gemma2ForCausalLM'],
    ...gemmaWords(model),
    hidden_activation: 'gelu_pytorch_tanh',
    query_pre_attn_scalar: queryScalar(model, 46),
    // As llama.cpp takes them where the file is silent.
    sliding_window: optional(model, 'attention.sliding_window') ?? 4096,
    layer_types: layerTypes(model, 2),
    attn_logit_softcapping: optional(model, 'attn_logit_softcapping') ?? 50,
    final_logit_softcapping: optional(model, 'final_logit_softcapping') ?? 30,
  }),
  rename: (name) => renameBy(fourNorms, name, layoutOf),
};

export const gemma3: GgufFamily = {
  entries: [...windowEntries, 'rope.freq_base_swa'],
  configuration: (model) => {
    const window = optional(model, 'attention.sliding_window');
    return {
      model_type: 'gemma3_text',
      architectures: ['Gemma3ForCausalLM'],
      ...gemmaWords(model),
      rope_theta: optional(model, 'rope.freq_base') ?? 10000,
      rope_local_base_freq: optional(model, 'rope.freq_base_swa') ?? 10000,
      hidden_activation: 'gelu_pytorch_tanh',
      query_pre_attn_scalar: queryScalar(model, 62),
      ...(window === undefined ? {} : { sliding_window: window }),
      layer_types: layerTypes(model, window === undefined ? 1 : 6),
      final_logit_softcapping: optional(model, 'final_logit_softcapping') ?? null,
    };
  },
  rename: (name) => renameBy(fourNorms, name, layoutOf),
};
