// The modules of models that read something beside the text they write, or a picture in place of any: one table for each stack.
// What no module gives by itself has no entry: the embedding of patches, to which a class token is added, and that of a sound,
// whose axes are turned behind the convolutions. Nor has BLIP's norm behind the picture, which is called again for the class
// token alone.

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
  ofStack,
  plainMlp,
  projections,
  readsMlp,
  type StackModules,
} from './moduleWords.ts';

/** Attention to another stack: @param each its queries, keys and values, @param project behind the heads */
const crossAttention = (each: readonly [string, string, string], project: string): Modules => ({
  [each[0]]: { input: 'cross_attention_input', output: 'cross_query_output' },
  [each[1]]: { output: 'cross_key_output' },
  [each[2]]: { output: 'cross_value_output' },
  [project]: { input: 'cross_attention_value_output', output: 'cross_attention_output' },
});
const crossNorm = { input: 'cross_block_input', output: 'cross_attention_input' };

/** @param feedForward the number of its sublayer */
const t5Layer = (feedForward: number): Modules => ({
  '': block,
  'layer.0': { output: feedForward === 1 ? 'block_middle' : 'cross_block_input' },
  'layer.0.layer_norm': attentionNorm,
  'layer.0.SelfAttention': attention,
  ...projections('layer.0.SelfAttention.q', 'layer.0.SelfAttention.k', 'layer.0.SelfAttention.v'),
  'layer.0.SelfAttention.o': gathered,
  [`layer.${feedForward}.layer_norm`]: mlpNorm,
  [`layer.${feedForward}.DenseReluDense`]: mlp,
  [`layer.${feedForward}.DenseReluDense.act`]: activation,
  [`layer.${feedForward}.DenseReluDense.wo`]: { output: 'mlp_output' },
});
const t5Cross = 'layer.1.EncDecAttention';
const t5: ModelModules = {
  encoders: [
    {
      layers: 'encoder.block',
      modules: ofStack('encoder.', t5Layer(1)),
      model: { 'encoder.embed_tokens': { output: 'encoder.embedding_output' } },
      behind: { 'encoder.final_layer_norm': { output: 'encoder.final_norm_output' } },
    },
  ],
  layers: 'decoder.block',
  modules: {
    ...t5Layer(2),
    'layer.1': { output: 'block_middle' },
    'layer.1.layer_norm': crossNorm,
    [t5Cross]: { output: 'cross_attention_output' },
    ...crossAttention([`${t5Cross}.q`, `${t5Cross}.k`, `${t5Cross}.v`], `${t5Cross}.o`),
  },
  model: {
    'decoder.embed_tokens': { output: 'embedding_output' },
    'decoder.final_layer_norm': { output: 'final_norm_output' },
    lm_head: { output: 'logits' },
  },
  opener: 'AutoModelForSeq2SeqLM',
};

const whisperLayer: Modules = {
  '': block,
  self_attn_layer_norm: attentionNorm,
  self_attn: attention,
  ...projections('self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'),
  'self_attn.out_proj': gathered,
  final_layer_norm: mlpNorm,
  fc1: readsMlp,
  activation_fn: activation,
  fc2: activated,
};
const whisper: ModelModules = {
  encoders: [
    {
      layers: 'model.encoder.layers',
      modules: ofStack('encoder.', whisperLayer),
      model: {},
      behind: { 'model.encoder.layer_norm': { output: 'encoder.final_norm_output' } },
    },
  ],
  layers: 'model.decoder.layers',
  modules: {
    ...whisperLayer,
    encoder_attn_layer_norm: crossNorm,
    encoder_attn: { output: 'cross_attention_output' },
    ...crossAttention(
      ['encoder_attn.q_proj', 'encoder_attn.k_proj', 'encoder_attn.v_proj'],
      'encoder_attn.out_proj',
    ),
  },
  model: {
    'model.decoder.embed_tokens': { output: 'embedding_output' },
    'model.decoder.layer_norm': { output: 'final_norm_output' },
    proj_out: lmHead,
  },
  opener: 'AutoModelForSpeechSeq2Seq',
};

const vitNorms: Modules = { layernorm_before: attentionNorm, layernorm_after: mlpNorm };
const vitEnds: Modules = { 'vit.layernorm': { output: 'final_norm_output' } };
const vit: ModelModules = {
  layers: 'vit.layers',
  modules: {
    '': block,
    ...vitNorms,
    attention,
    ...projections('attention.q_proj', 'attention.k_proj', 'attention.v_proj'),
    'attention.o_proj': gathered,
    ...plainMlp('fc1', 'activation_fn', 'fc2'),
  },
  model: vitEnds,
  elder: {
    isLater: 'hasattr(model.vit, "layers")',
    layers: 'vit.encoder.layer',
    modules: {
      '': block,
      ...vitNorms,
      attention,
      ...projections('attention.attention.query', 'attention.attention.key', 'attention.attention.value'),
      'attention.output.dense': gathered,
      intermediate: { input: 'mlp_input', output: 'mlp_activation' },
      'output.dense': activated,
    },
    model: vitEnds,
  },
  opener: 'AutoModelForImageClassification',
};

/** One of BLIP's texts, a BERT that reads another stack in the middle of each layer: @param base of its modules */
const blipText = (prefix: string, base: string): StackModules => ({
  layers: `${base}.encoder.layer`,
  modules: ofStack(prefix, {
    '': block,
    ...projections('attention.self.query', 'attention.self.key', 'attention.self.value'),
    'attention.output.dense': gathered,
    'attention.output': { output: 'cross_block_input' },
    ...crossAttention(
      ['crossattention.self.query', 'crossattention.self.key', 'crossattention.self.value'],
      'crossattention.output.dense',
    ),
    'crossattention.output': { output: 'block_middle' },
    intermediate: { input: 'mlp_input', output: 'mlp_activation' },
    'intermediate.dense': readsMlp,
    'output.dense': activated,
  }),
  model: ofStack(prefix, {
    [`${base}.embeddings.word_embeddings`]: { output: 'embedding_output' },
  }),
});
const answer = blipText('', 'text_decoder.bert');
const blip: ModelModules = {
  encoders: [
    {
      layers: 'vision_model.encoder.layers',
      modules: ofStack('vision.', {
        '': block,
        layer_norm1: attentionNorm,
        self_attn: attention,
        'self_attn.qkv': ofAttention('qkv_output'),
        'self_attn.projection': gathered,
        layer_norm2: mlpNorm,
        ...plainMlp('fc1', 'activation_fn', 'fc2'),
      }),
      model: {},
      fused: 'whole',
    },
    blipText('question.', 'text_encoder'),
  ],
  ...answer,
  model: {
    ...answer.model,
    'text_decoder.cls.predictions.transform': { input: 'final_norm_output' },
    'text_decoder.cls.predictions': { output: 'logits' },
  },
  opener: 'BlipForConditionalGeneration',
  answerer: 'BlipForQuestionAnswering',
  aliases: { model_vis: 'vision_model', model_text_enc: 'text_encoder', model_text_dec: 'text_decoder' },
};

/** By `model_type` of the configuration. */
export const stackTables: Readonly<Record<string, ModelModules>> = { t5, whisper, vit, blip };
