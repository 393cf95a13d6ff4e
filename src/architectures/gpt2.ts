// GPT-2: learned positions, layer normalisation before each sublayer, one fused matrix for queries, keys and values.

import { add } from '../onnx/elementwise.ts';
import { gather, split } from '../onnx/layout.ts';
import { layerNormalization } from '../onnx/reduction.ts';
import { activation } from './activation.ts';
import { type Architecture, type BlockScope, type GraphPart, tensor } from './architecture.ts';
import { attention } from './attention.ts';
import { decoderComponents } from './components.ts';
import type { ConfigurationReader } from './configuration.ts';
import { linear, linearByColumns } from './linear.ts';

/** @param names of the tensors in the checkpoint: some leave out the prefix `transformer.` */
export function gpt2(read: ConfigurationReader, names: ReadonlySet<string>): Architecture {
  const width = read.size('n_embd');
  const layerCount = read.layerCount('n_layer');
  const heads = read.size('n_head');
  const maxPositions = read.size('n_positions', 1024);
  const vocabularySize = read.size('vocab_size');
  const innerWidth = read.size('n_inner', 4 * width);
  const epsilon = read.number('layer_norm_epsilon', 1e-5, 0);
  const act = activation(read.text('activation_function', 'gelu_new'));
  const headWidth = read.divide(width, heads, 'n_embd by n_head');
  const isScaled = read.flag('scale_attn_weights', true);
  const isScaledByLayer = read.flag('scale_attn_by_inverse_layer_idx', false);
  const isTied = read.flag('tie_word_embeddings', true);
  read.refuseUnless('add_cross_attention', [false], 'use a decoder without cross-attention.');

  const prefix = names.has('transformer.wte.weight') || !names.has('wte.weight') ? 'transformer.' : '';
  const tokenTable = tensor(`${prefix}wte.weight`, vocabularySize, width);

  const block = (layer: number): GraphPart<BlockScope> => {
    const path = `${prefix}h.${layer}`;
    const norm = (name: string) => ({
      [`${name}.weight`]: tensor(`${path}.${name}.weight`, width),
      [`${name}.bias`]: tensor(`${path}.${name}.bias`, width),
    });
    const columns = (name: string, inputs: number, outputs: number) => ({
      [`${name}.weight`]: tensor(`${path}.${name}.weight`, inputs, outputs),
      [`${name}.bias`]: tensor(`${path}.${name}.bias`, outputs),
    });
    const scale = (isScaled ? headWidth ** -0.5 : 1) / (isScaledByLayer ? layer + 1 : 1);
    return {
      key: isScaledByLayer ? `block ${layer}` : 'block',
      weights: {
        ...norm('ln_1'),
        ...columns('attn.c_attn', width, 3 * width),
        ...columns('attn.c_proj', width, width),
        ...norm('ln_2'),
        ...columns('mlp.c_fc', width, innerWidth),
        ...columns('mlp.c_proj', innerWidth, width),
      },
      build: ({ hidden, weight, site, batch }) => {
        const apply = (x: typeof hidden, name: string) =>
          linearByColumns(x, weight(`${name}.weight`), weight(`${name}.bias`));
        const normalize = (x: typeof hidden, name: string) =>
          layerNormalization(x, weight(`${name}.weight`), weight(`${name}.bias`), epsilon);

        const entering = site('block_input', hidden);
        const attended = site('attention_input', normalize(entering, 'ln_1'));
        const [q, k, v] = split(site('qkv_output', apply(attended, 'attn.c_attn')), 1, 3);
        if (!q || !k || !v) throw new Error('gpt2: the fused projection has three parts');
        const gathered = attention(
          site('query_output', q, heads),
          site('key_output', k, heads),
          site('value_output', v, heads),
          { heads, keyValueHeads: heads, headWidth, scale },
          batch,
          site,
        );
        const mixed = apply(site('attention_value_output', gathered, heads), 'attn.c_proj');
        const between = add(entering, site('attention_output', mixed));

        const inner = act(apply(site('mlp_input', normalize(between, 'ln_2')), 'mlp.c_fc'));
        const outer = apply(site('mlp_activation', inner), 'mlp.c_proj');
        return site('block_output', add(between, site('mlp_output', outer)));
      },
    };
  };

  return {
    family: 'gpt2',
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
      isFused: true,
      isRotary: false,
      activation: 'The MLP’s neurons, after the activation function.',
    }),
    embed: {
      key: 'embed',
      weights: { wte: tokenTable, wpe: tensor(`${prefix}wpe.weight`, maxPositions, width) },
      build: ({ tokens, positions, weight, site }) =>
        add(site('embedding_output', gather(weight('wte'), tokens, 0)), gather(weight('wpe'), positions, 0)),
    },
    blocks: Array.from({ length: layerCount }, (_, layer) => block(layer)),
    head: {
      key: 'head',
      weights: {
        'ln_f.weight': tensor(`${prefix}ln_f.weight`, width),
        'ln_f.bias': tensor(`${prefix}ln_f.bias`, width),
        unembedding: isTied ? tokenTable : tensor('lm_head.weight', vocabularySize, width),
      },
      build: ({ hidden, weight, site }) => {
        const normal = layerNormalization(hidden, weight('ln_f.weight'), weight('ln_f.bias'), epsilon);
        return site('logits', linear(site('final_norm_output', normal), weight('unembedding')));
      },
    },
    ignoredTensors: [/(^|\.)h\.\d+\.attn\.(bias|masked_bias)$/, ...(isTied ? [/^lm_head\.weight$/] : [])],
  };
}
