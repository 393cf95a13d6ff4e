// LLaMA's block and those that say it in LLaMA's words: the same tensors, with norms, biases and factors of their own.

import type { ModelConfiguration } from '../../checkpoint.ts';
import {
  type GgufFamily,
  type GgufModel,
  headWidth,
  isTied,
  type NameTable,
  partsOf,
  type RenamedTensor,
  renameBy,
  rotaryShare,
  rowsOf,
  same,
  sizesOf,
  vocabularySize,
} from '../ggufFamily.ts';
import type { RowLayout } from '../ggufRows.ts';

export const llamaNames: NameTable = {
  outside: { token_embd: 'model.embed_tokens', output_norm: 'model.norm', output: 'lm_head' },
  blocks: 'model.layers',
  inside: {
    attn_norm: 'input_layernorm',
    attn_q: 'self_attn.q_proj',
    attn_k: 'self_attn.k_proj',
    attn_v: 'self_attn.v_proj',
    attn_output: 'self_attn.o_proj',
    ffn_norm: 'post_attention_layernorm',
    ffn_gate: 'mlp.gate_proj',
    ffn_up: 'mlp.up_proj',
    ffn_down: 'mlp.down_proj',
  },
};

/** The table with other tensors inside the blocks. */
const withInside = (inside: Readonly<Record<string, string>>, names = llamaNames): NameTable => ({
  ...names,
  inside: { ...names.inside, ...inside },
});

const headNorms = { attn_q_norm: 'self_attn.q_norm', attn_k_norm: 'self_attn.k_norm' };

/** What all of them say. */
export function llamaWords(model: GgufModel): ModelConfiguration {
  const { metadata } = model;
  const { hidden, layers, positions, heads, keyHeads, theta } = sizesOf(model);
  return {
    hidden_size: hidden,
    intermediate_size: metadata.count(metadata.own('feed_forward_length')),
    num_hidden_layers: layers,
    num_attention_heads: heads(),
    num_key_value_heads: keyHeads(),
    max_position_embeddings: positions,
    rope_theta: theta,
    vocab_size: vocabularySize(model),
    tie_word_embeddings: isTied(model),
  };
}

const rmsEpsilon = ({ metadata }: GgufModel) => ({
  rms_norm_eps: metadata.number(metadata.own('attention.layer_norm_rms_epsilon')),
});

const layerEpsilon = ({ metadata }: GgufModel): number =>
  metadata.number(metadata.own('attention.layer_norm_epsilon'));

const hasTensor = ({ header }: GgufModel, name: string): boolean => header.tensors.has(name);

/** Rows of queries and keys as the converter turns them for LLaMA's own rotation of neighbours. */
function rotated(part: string, model: GgufModel): RowLayout {
  if (part !== 'attn_q' && part !== 'attn_k') return same;
  const { heads, keyHeads } = sizesOf(model);
  return { kind: 'rotary', heads: part === 'attn_q' ? heads() : keyHeads() };
}

/** The three stacks of experts and their router. */
function renameMixture(
  name: string,
  { metadata }: GgufModel,
  { path, router, matrices }: Mixture,
): RenamedTensor | undefined {
  const { block, part, suffix } = partsOf(name) ?? { block: undefined, part: '', suffix: '' };
  if (block === undefined || suffix !== 'weight') return undefined;
  const prefix = `model.layers.${block}.${path}`;
  if (part === 'ffn_gate_inp') return { names: [`${prefix}.${router}.weight`], layout: same };
  const matrix = Object.hasOwn(matrices, part) ? matrices[part] : undefined;
  if (matrix === undefined) return undefined;
  const experts = metadata.count(metadata.own('expert_count'));
  const names = Array.from({ length: experts }, (_, index) => `${prefix}.experts.${index}.${matrix}.weight`);
  return { names, layout: same };
}

interface Mixture {
  readonly path: string;
  readonly router: string;
  readonly matrices: Readonly<Record<string, string>>;
}

const mixtral: Mixture = {
  path: 'block_sparse_moe',
  router: 'gate',
  matrices: { ffn_gate_exps: 'w1', ffn_up_exps: 'w3', ffn_down_exps: 'w2' },
};

const qwenMixture: Mixture = {
  path: 'mlp',
  router: 'gate',
  matrices: { ffn_gate_exps: 'gate_proj', ffn_up_exps: 'up_proj', ffn_down_exps: 'down_proj' },
};

const expertEntries = ['expert_count', 'expert_used_count'];

const experts = ({ metadata }: GgufModel) => ({
  num_local_experts: metadata.count(metadata.own('expert_count')),
  num_experts_per_tok: metadata.count(metadata.own('expert_used_count')),
});

const hasExperts = ({ metadata }: GgufModel): boolean =>
  (metadata.optionalNumber(metadata.own('expert_count')) ?? 0) > 0;

/** LLaMA, Mistral, and Mixtral where the file counts experts. */
export const llama: GgufFamily = {
  entries: expertEntries,
  configuration: (model) => ({
    ...(hasExperts(model)
      ? {
          model_type: 'mixtral',
          architectures: ['MixtralForCausalLM'],
          ...experts(model),
          sliding_window: null,
        }
      : { model_type: 'llama', architectures: ['LlamaForCausalLM'] }),
    ...llamaWords(model),
    ...rmsEpsilon(model),
    head_dim: headWidth(model),
    hidden_act: 'silu',
    attention_bias: hasTensor(model, 'blk.0.attn_q.bias'),
    mlp_bias: hasTensor(model, 'blk.0.ffn_up.bias'),
  }),
  rename: (name, model) =>
    renameMixture(name, model, mixtral) ?? renameBy(llamaNames, name, (part) => rotated(part, model)),
};

export const qwen2: GgufFamily = {
  configuration: (model) => ({
    model_type: 'qwen2',
    architectures: ['Qwen2ForCausalLM'],
    ...llamaWords(model),
    ...rmsEpsilon(model),
    head_dim: headWidth(model),
    hidden_act: 'silu',
    use_sliding_window: false,
  }),
  rename: (name) => renameBy(llamaNames, name),
};

const qwen3Names = withInside(headNorms);

const qwen3Words = (model: GgufModel): ModelConfiguration => ({
  ...llamaWords(model),
  ...rmsEpsilon(model),
  head_dim: headWidth(model),
  hidden_act: 'silu',
  attention_bias: hasTensor(model, 'blk.0.attn_q.bias'),
  use_sliding_window: false,
});

export const qwen3: GgufFamily = {
  configuration: (model) => ({
    model_type: 'qwen3',
    architectures: ['Qwen3ForCausalLM'],
    ...qwen3Words(model),
  }),
  rename: (name) => renameBy(qwen3Names, name),
};

export const qwen3Moe: GgufFamily = {
  entries: [...expertEntries, 'expert_feed_forward_length'],
  configuration: (model) => {
    const { metadata } = model;
    const layers = Array.from({ length: sizesOf(model).layers }, (_, layer) => layer);
    return {
      model_type: 'qwen3_moe',
      architectures: ['Qwen3MoeForCausalLM'],
      ...qwen3Words(model),
      ...experts(model),
      moe_intermediate_size: metadata.count(metadata.own('expert_feed_forward_length')),
      // The file has no word for it, and llama.cpp divides by the sum.
      norm_topk_prob: true,
      decoder_sparse_step: 1,
      mlp_only_layers: layers.filter((layer) => !hasTensor(model, `blk.${layer}.ffn_gate_inp.weight`)),
    };
  },
  rename: (name, model) => renameMixture(name, model, qwenMixture) ?? renameBy(qwen3Names, name),
};

const olmo2Names = withInside({
  ...headNorms,
  post_attention_norm: 'post_attention_layernorm',
  post_ffw_norm: 'post_feedforward_layernorm',
});

export const olmo2: GgufFamily = {
  configuration: (model) => ({
    model_type: 'olmo2',
    architectures: ['Olmo2ForCausalLM'],
    ...llamaWords(model),
    ...rmsEpsilon(model),
    head_dim: headWidth(model),
    hidden_act: 'silu',
    attention_bias: hasTensor(model, 'blk.0.attn_q.bias'),
  }),
  rename: (name) => renameBy(olmo2Names, name),
};

export const granite: GgufFamily = {
  entries: ['attention.scale', 'embedding_scale', 'residual_scale', 'logit_scale'],
  configuration: (model) => {
    const { metadata } = model;
    const factor = (key: string, otherwise: number) =>
      metadata.optionalNumber(metadata.own(key)) || otherwise;
    return {
      model_type: 'granite',
      architectures: ['GraniteForCausalLM'],
      ...llamaWords(model),
      ...rmsEpsilon(model),
      hidden_act: 'silu',
      attention_bias: hasTensor(model, 'blk.0.attn_q.bias'),
      mlp_bias: hasTensor(model, 'blk.0.ffn_up.bias'),
      // As llama.cpp takes them where the file is silent.
      attention_multiplier: factor('attention.scale', headWidth(model) ** -0.5),
      embedding_multiplier: factor('embedding_scale', 1),
      residual_multiplier: factor('residual_scale', 1),
      logits_scaling: factor('logit_scale', 1),
    };
  },
  rename: (name, model) => renameBy(llamaNames, name, (part) => rotated(part, model)),
};

const commandRNames = withInside(headNorms);

export const commandR: GgufFamily = {
  entries: ['logit_scale'],
  configuration: (model) => {
    const { metadata } = model;
    return {
      model_type: 'cohere',
      architectures: ['CohereForCausalLM'],
      ...llamaWords(model),
      head_dim: headWidth(model),
      hidden_act: 'silu',
      layer_norm_eps: layerEpsilon(model),
      logit_scale: metadata.number(metadata.own('logit_scale')),
      use_qk_norm: hasTensor(model, 'blk.0.attn_q_norm.weight'),
      attention_bias: hasTensor(model, 'blk.0.attn_q.bias'),
    };
  },
  rename: (name) => renameBy(commandRNames, name),
};

export const stablelm: GgufFamily = {
  entries: ['use_parallel_residual'],
  configuration: (model) => ({
    model_type: 'stablelm',
    architectures: ['StableLmForCausalLM'],
    ...llamaWords(model),
    hidden_act: 'silu',
    layer_norm_eps: layerEpsilon(model),
    // llama.cpp adds both to the stream where there is no second norm, whatever else the file says.
    use_parallel_residual: !hasTensor(model, 'blk.0.ffn_norm.weight'),
    qk_layernorm: hasTensor(model, 'blk.0.attn_q_norm.weight'),
    use_qkv_bias: hasTensor(model, 'blk.0.attn_q.bias'),
    partial_rotary_factor: rotaryShare(model),
  }),
  rename: (name, model) => {
    const { block, part = '', suffix } = partsOf(name) ?? {};
    const heads = { attn_q_norm: 'q', attn_k_norm: 'k' }[part];
    if (heads === undefined || block === undefined) return renameBy(llamaNames, name);
    // One norm for each head, stacked.
    const path = `model.layers.${block}.self_attn.${heads}_layernorm.norms`;
    const names = Array.from({ length: rowsOf(model, name) }, (_, head) => `${path}.${head}.${suffix}`);
    return { names, layout: same };
  },
};

const starcoder2Names: NameTable = withInside({ ffn_up: 'mlp.c_fc', ffn_down: 'mlp.c_proj' });

export const starcoder2: GgufFamily = {
  configuration: (model) => ({
    model_type: 'starcoder2',
    architectures: ['Starcoder2ForCausalLM'],
    ...llamaWords(model),
    hidden_act: 'gelu_pytorch_tanh',
    norm_epsilon: layerEpsilon(model),
    use_bias: hasTensor(model, 'blk.0.attn_q.bias'),
    sliding_window: null,
  }),
  rename: (name) => renameBy(starcoder2Names, name),
};

const phi3Names = withInside({ attn_qkv: 'self_attn.qkv_proj', ffn_up: 'mlp.gate_up_proj' });

export const phi3: GgufFamily = {
  entries: ['attention.sliding_window', 'rope.scaling.attn_factor'],
  configuration: (model) => {
    const { metadata } = model;
    const window = metadata.optionalNumber(metadata.own('attention.sliding_window')) ?? 0;
    const original = metadata.optionalCount(metadata.own('rope.scaling.original_context_length'));
    return {
      model_type: 'phi3',
      architectures: ['Phi3ForCausalLM'],
      ...llamaWords(model),
      ...rmsEpsilon(model),
      hidden_act: 'silu',
      sliding_window: window > 0 ? window : null,
      partial_rotary_factor: rotaryShare(model),
      ...(original === undefined ? {} : { original_max_position_embeddings: original }),
    };
  },
  rename: (name) => renameBy(phi3Names, name),
};
