// Where each model type's components are among the modules of transformers: what enters a module and what leaves it, as
// vectors of [batch, position]. What no module takes or gives in that form has no entry: scores, sums inside a block, norms
// of queries and keys by head, and the MLPs of OPT, which read all positions of a batch as one axis. What modules are called
// otherwise in some version of transformers (Mixtral's experts), or hold in another form (Gemma's embedding, which is scaled in
// some), has none either.

import {
  activated,
  activation,
  attention,
  attentionNorm,
  block,
  gathered,
  lmHead,
  type ModelModules,
  type Modules,
  mlp,
  mlpNorm,
  ofAttention,
  plainMlp,
  projections,
  readsMlp,
} from './moduleWords.ts';
import { stackTables } from './stackTables.ts';

export type { ModelModules };

/** The logits are scaled or capped behind the matrix. */
const scaledHead = { input: 'final_norm_output' };

const causal = 'AutoModelForCausalLM';

const selfAttention: Modules = {
  self_attn: attention,
  ...projections('self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'),
  'self_attn.o_proj': gathered,
};
const gated: Modules = {
  mlp,
  'mlp.gate_proj': readsMlp,
  'mlp.up_proj': readsMlp,
  'mlp.act_fn': activation,
  'mlp.down_proj': { output: 'mlp_output' },
};
const twoNorms: Modules = { input_layernorm: attentionNorm, post_attention_layernorm: mlpNorm };
/** LLaMA's modules around its layers. */
const around = (head: Modules[string], norm = 'model.norm'): Modules => ({
  'model.embed_tokens': { output: 'embedding_output' },
  [norm]: { output: 'final_norm_output' },
  lm_head: head,
});
const llamaLike = (modules: Modules, model: Modules = around(lmHead)): ModelModules => ({
  layers: 'model.layers',
  modules: { '': block, ...modules },
  model,
  opener: causal,
});
/** The embedding is scaled within its module or behind it, by the version. */
const gemmaEnds = (head: Modules[string]): Modules => ({
  'model.norm': { output: 'final_norm_output' },
  lm_head: head,
});
const llama = llamaLike({ ...twoNorms, ...selfAttention, ...gated });

const transformer = (modules: Modules, model: Modules): ModelModules => ({
  layers: 'transformer.h',
  modules: { '': block, ...modules },
  model: { ...model, 'transformer.ln_f': { output: 'final_norm_output' }, lm_head: lmHead },
  opener: causal,
});
const wte: Modules = { 'transformer.wte': { output: 'embedding_output' } };
const wordEmbeddings: Modules = { 'transformer.word_embeddings': { output: 'embedding_output' } };
const gpt2Norms: Modules = { ln_1: attentionNorm, ln_2: mlpNorm };

const mamba: ModelModules = {
  layers: 'backbone.layers',
  modules: {
    '': block,
    norm: { output: 'mixer_input' },
    mixer: { input: 'mixer_input', output: 'mixer_output' },
    'mixer.out_proj': { input: 'ssm_output', output: 'mixer_output' },
  },
  model: {
    'backbone.embeddings': { output: 'embedding_output' },
    'backbone.norm_f': { output: 'final_norm_output' },
    lm_head: lmHead,
  },
  opener: causal,
};

const bertLike = (name: string, more: Modules, model: Modules): ModelModules => ({
  layers: `${name}.encoder.layer`,
  modules: {
    '': block,
    ...projections('attention.self.query', 'attention.self.key', 'attention.self.value'),
    'attention.output.dense': gathered,
    'attention.output': { output: 'block_middle' },
    intermediate: { input: 'mlp_input', output: 'mlp_activation' },
    'intermediate.dense': readsMlp,
    'output.dense': activated,
    ...more,
  },
  model,
  opener: 'AutoModelForMaskedLM',
});
const bertEmbedding = (name: string): Modules => ({
  [`${name}.embeddings.word_embeddings`]: { output: 'embedding_output' },
});

/** By `model_type` of the configuration. */
const tables: Readonly<Record<string, ModelModules>> = {
  ...stackTables,
  gpt2: {
    ...transformer(
      {
        ...gpt2Norms,
        attn: attention,
        'attn.c_attn': ofAttention('qkv_output'),
        'attn.c_proj': gathered,
        'attn.resid_dropout': { input: 'attention_output', output: 'attention_output' },
        ...plainMlp('c_fc', 'act', 'c_proj'),
        'mlp.dropout': { input: 'mlp_output', output: 'mlp_output' },
      },
      wte,
    ),
    fused: 'whole',
  },
  gpt_neox: {
    layers: 'gpt_neox.layers',
    modules: {
      '': block,
      ...twoNorms,
      attention,
      'attention.query_key_value': ofAttention('qkv_output'),
      'attention.dense': gathered,
      ...plainMlp('dense_h_to_4h', 'act', 'dense_4h_to_h'),
    },
    model: {
      'gpt_neox.embed_in': { output: 'embedding_output' },
      'gpt_neox.final_layer_norm': { output: 'final_norm_output' },
      embed_out: lmHead,
    },
    opener: causal,
    fused: 'by head',
  },
  llama,
  mistral: llama,
  qwen2: llama,
  qwen3: llama,
  qwen3_moe: llama,
  granite: llamaLike({ ...twoNorms, ...selfAttention, ...gated }, around(scaledHead)),
  mixtral: llamaLike({ ...twoNorms, ...selfAttention }),
  gemma: llamaLike({ ...twoNorms, ...selfAttention, ...gated }, gemmaEnds(lmHead)),
  gemma2: llamaLike(
    { input_layernorm: attentionNorm, pre_feedforward_layernorm: mlpNorm, ...selfAttention, ...gated },
    gemmaEnds(scaledHead),
  ),
  gemma3_text: llamaLike(
    { input_layernorm: attentionNorm, pre_feedforward_layernorm: mlpNorm, ...selfAttention, ...gated },
    gemmaEnds(scaledHead),
  ),
  olmo2: llamaLike({
    ...selfAttention,
    'self_attn.q_norm': { input: 'query_output', output: 'query_norm_output' },
    'self_attn.k_norm': { input: 'key_output', output: 'key_norm_output' },
    ...gated,
  }),
  cohere: llamaLike({ ...selfAttention, ...gated }, around(scaledHead)),
  stablelm: llamaLike({ ...selfAttention, ...gated }),
  phi: llamaLike(
    {
      self_attn: attention,
      ...projections('self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'),
      'self_attn.dense': gathered,
      ...plainMlp('fc1', 'activation_fn', 'fc2'),
    },
    around(lmHead, 'model.final_layernorm'),
  ),
  phi3: llamaLike({
    ...twoNorms,
    self_attn: attention,
    'self_attn.qkv_proj': ofAttention('qkv_output'),
    'self_attn.o_proj': gathered,
    mlp,
    'mlp.gate_up_proj': readsMlp,
    'mlp.activation_fn': activation,
    'mlp.down_proj': { output: 'mlp_output' },
  }),
  starcoder2: llamaLike({ ...twoNorms, ...selfAttention, ...plainMlp('c_fc', 'act', 'c_proj') }),
  gptj: transformer(
    {
      attn: attention,
      ...projections('attn.q_proj', 'attn.k_proj', 'attn.v_proj'),
      'attn.out_proj': gathered,
      ...plainMlp('fc_in', 'act', 'fc_out'),
    },
    wte,
  ),
  gpt_neo: transformer(
    {
      ...gpt2Norms,
      'attn.attention': attention,
      ...projections('attn.attention.q_proj', 'attn.attention.k_proj', 'attn.attention.v_proj'),
      'attn.attention.out_proj': gathered,
      ...plainMlp('c_fc', 'act', 'c_proj'),
    },
    wte,
  ),
  gpt_bigcode: transformer(
    {
      ...gpt2Norms,
      attn: attention,
      'attn.c_attn': ofAttention('qkv_output'),
      'attn.c_proj': gathered,
      ...plainMlp('c_fc', 'act', 'c_proj'),
    },
    wte,
  ),
  bloom: {
    // The modules around attention and the MLP return with the residual stream.
    ...transformer(
      {
        self_attention: { input: 'attention_input' },
        'self_attention.query_key_value': ofAttention('qkv_output'),
        'self_attention.dense': gathered,
        mlp: readsMlp,
        'mlp.dense_h_to_4h': readsMlp,
        'mlp.gelu_impl': activation,
        'mlp.dense_4h_to_h': activated,
      },
      wordEmbeddings,
    ),
    fused: 'by head',
  },
  falcon: transformer(
    {
      self_attention: attention,
      'self_attention.query_key_value': ofAttention('qkv_output'),
      'self_attention.dense': gathered,
      ...plainMlp('dense_h_to_4h', 'act', 'dense_4h_to_h'),
    },
    wordEmbeddings,
  ),
  opt: {
    layers: 'model.decoder.layers',
    modules: {
      '': block,
      self_attn: attention,
      ...projections('self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'),
      'self_attn.out_proj': gathered,
    },
    model: { 'model.decoder.embed_tokens': { output: 'embedding_output' }, lm_head: { output: 'logits' } },
    opener: causal,
  },
  mamba,
  mamba2: mamba,
  bert: bertLike(
    'bert',
    {},
    {
      ...bertEmbedding('bert'),
      'cls.predictions.transform': { input: 'final_norm_output' },
      'cls.predictions': { output: 'logits' },
    },
  ),
  roberta: bertLike('roberta', {}, { ...bertEmbedding('roberta'), lm_head: lmHead }),
  distilbert: {
    layers: 'distilbert.transformer.layer',
    modules: {
      '': block,
      ...projections('attention.q_lin', 'attention.k_lin', 'attention.v_lin'),
      'attention.out_lin': gathered,
      sa_layer_norm: { output: 'block_middle' },
      ffn: mlp,
      'ffn.lin1': readsMlp,
      'ffn.activation': activation,
      'ffn.lin2': activated,
    },
    model: {
      'distilbert.embeddings.word_embeddings': { output: 'embedding_output' },
      vocab_transform: { input: 'final_norm_output' },
      vocab_projector: { output: 'logits' },
    },
    opener: 'AutoModelForMaskedLM',
  },
  esm: bertLike(
    'esm',
    { 'attention.LayerNorm': { output: 'attention_input' }, LayerNorm: mlpNorm },
    {
      ...bertEmbedding('esm'),
      'esm.encoder.emb_layer_norm_after': { output: 'final_norm_output' },
      lm_head: lmHead,
    },
  ),
};

/** The modules of models of this type; undefined where no table is kept. */
export const modelModules = (modelType: string): ModelModules | undefined =>
  Object.hasOwn(tables, modelType) ? tables[modelType] : undefined;
