// GPT-NeoX and Pythia: partial rotary positions, attention and MLP in parallel, one fused matrix whose rows lie head by
// head (query, key and value of the first head, then of the second, ...).

import { add } from '../onnx/elementwise.ts';
import { gather, reshape, slice } from '../onnx/layout.ts';
import { layerNormalization } from '../onnx/reduction.ts';
import { sizeAt, type Value } from '../onnx/value.ts';
import { activation } from './activation.ts';
import { type Architecture, type BlockScope, type GraphPart, tensor } from './architecture.ts';
import { attention } from './attention.ts';
import { decoderComponents } from './components.ts';
import type { ConfigurationReader } from './configuration.ts';
import { applyLinear, linear, linearWeights } from './linear.ts';
import { readRotary, rotaryWeights, rotate } from './rotary.ts';

/** @param names of the tensors in the checkpoint: newer saves call the unembedding `lm_head` */
export function gptNeox(read: ConfigurationReader, names: ReadonlySet<string>): Architecture {
  const width = read.size('hidden_size');
  const layerCount = read.layerCount('num_hidden_layers');
  const heads = read.size('num_attention_heads');
  const innerWidth = read.size('intermediate_size');
  const vocabularySize = read.size('vocab_size');
  const maxPositions = read.size('max_position_embeddings', 2048);
  const epsilon = read.number('layer_norm_eps', 1e-5, 0);
  const act = activation(read.text('hidden_act', 'gelu'));
  const isParallel = read.flag('use_parallel_residual', true);
  const hasBias = read.flag('attention_bias', true);
  const isTied = read.flag('tie_word_embeddings', false);
  const headWidth = read.divide(width, heads, 'hidden_size by num_attention_heads');
  const rotary = readRotary(read, {
    headWidth,
    fraction: read.number('rotary_pct', 0.25),
    thetaName: 'rotary_emb_base',
    maxPositions,
  });
  read.refuseUnless('is_decoder', [false, true], 'is_decoder must be true or false.');
  const unembedding = names.has('lm_head.weight') ? 'lm_head.weight' : 'embed_out.weight';
  const tokenTable = tensor('gpt_neox.embed_in.weight', vocabularySize, width);

  const block = (layer: number): GraphPart<BlockScope> => {
    const path = `gpt_neox.layers.${layer}`;
    const norm = (name: string) => ({
      [`${name}.weight`]: tensor(`${path}.${name}.weight`, width),
      [`${name}.bias`]: tensor(`${path}.${name}.bias`, width),
    });
    return {
      key: 'block',
      weights: {
        ...norm('input_layernorm'),
        ...norm('post_attention_layernorm'),
        ...linearWeights('query_key_value', `${path}.attention.query_key_value`, {
          inputs: width,
          outputs: 3 * width,
          bias: hasBias,
        }),
        ...linearWeights('dense', `${path}.attention.dense`, {
          inputs: width,
          outputs: width,
          bias: hasBias,
        }),
        ...linearWeights('dense_h_to_4h', `${path}.mlp.dense_h_to_4h`, {
          inputs: width,
          outputs: innerWidth,
          bias: true,
        }),
        ...linearWeights('dense_4h_to_h', `${path}.mlp.dense_4h_to_h`, {
          inputs: innerWidth,
          outputs: width,
          bias: true,
        }),
        ...rotaryWeights(rotary),
      },
      build: (scope) => {
        const { hidden, weight, site, batch } = scope;
        const normalize = (x: Value, name: string) =>
          layerNormalization(x, weight(`${name}.weight`), weight(`${name}.bias`), epsilon);
        const tokens = sizeAt(hidden.shape, 0);

        const entering = site('block_input', hidden);
        const attended = site('attention_input', normalize(entering, 'input_layernorm'));
        const fused = site('qkv_output', applyLinear(scope, attended, 'query_key_value', hasBias));
        const byHead = reshape(fused, [tokens, heads, 3 * headWidth]);
        const part = (i: number) =>
          reshape(slice(byHead, 2, i * headWidth, (i + 1) * headWidth), [tokens, width]);
        const query = site('query_output', part(0), heads);
        const key = site('key_output', part(1), heads);
        const gathered = attention(
          rotate(query, heads, scope, rotary),
          rotate(key, heads, scope, rotary),
          site('value_output', part(2), heads),
          { heads, keyValueHeads: heads, headWidth, scale: headWidth ** -0.5 },
          batch,
          site,
        );
        const mixed = applyLinear(scope, site('attention_value_output', gathered, heads), 'dense', hasBias);
        const attentionOutput = site('attention_output', mixed);

        const between = isParallel ? entering : add(entering, attentionOutput);
        const read = site('mlp_input', normalize(between, 'post_attention_layernorm'));
        const inner = site('mlp_activation', act(applyLinear(scope, read, 'dense_h_to_4h', true)));
        const mlpOutput = site('mlp_output', applyLinear(scope, inner, 'dense_4h_to_h', true));
        const added = isParallel ? add(add(mlpOutput, attentionOutput), entering) : add(mlpOutput, between);
        return site('block_output', added);
      },
    };
  };

  return {
    family: 'gpt_neox',
    modelType: read.modelType,
    layerCount,
    width,
    headCount: heads,
    vocabularySize,
    maxPositions,
    isCausal: true,
    components: decoderComponents({
      width,
      innerWidth,
      heads,
      keyValueHeads: heads,
      headWidth,
      vocabularySize,
      isParallel,
      isFused: true,
      isRotary: true,
      activation: 'The MLP’s neurons, after the activation function.',
    }),
    embed: {
      key: 'embed',
      weights: { embed_in: tokenTable },
      build: ({ tokens, weight, site }) => site('embedding_output', gather(weight('embed_in'), tokens, 0)),
    },
    blocks: Array.from({ length: layerCount }, (_, layer) => block(layer)),
    head: {
      key: 'head',
      weights: {
        'final_layer_norm.weight': tensor('gpt_neox.final_layer_norm.weight', width),
        'final_layer_norm.bias': tensor('gpt_neox.final_layer_norm.bias', width),
        unembedding: isTied ? tokenTable : tensor(unembedding, vocabularySize, width),
      },
      build: ({ hidden, weight, site }) => {
        const normal = layerNormalization(
          hidden,
          weight('final_layer_norm.weight'),
          weight('final_layer_norm.bias'),
          epsilon,
        );
        return site('logits', linear(site('final_norm_output', normal), weight('unembedding')));
      },
    },
    ignoredTensors: [
      /\.attention\.(bias|masked_bias|rotary_emb\.inv_freq)$/,
      /(^|\.)rotary_emb\.inv_freq$/,
      ...(isTied ? [/^(embed_out|lm_head)\.weight$/] : []),
    ],
  };
}
