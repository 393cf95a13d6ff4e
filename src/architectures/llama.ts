// LLaMA and its kin (Mistral, Qwen2, and so SmolLM, TinyLlama, Qwen2.5): rotary positions, RMS normalisation, gated MLP,
// key-value heads shared by groups of query heads, a sliding window where the configuration asks for one.

import { add, mul } from '../onnx/elementwise.ts';
import { gather } from '../onnx/layout.ts';
import { rmsNormalization } from '../onnx/reduction.ts';
import { activation } from './activation.ts';
import {
  type Architecture,
  type BlockScope,
  type GraphPart,
  tensor,
  UnsupportedModelError,
} from './architecture.ts';
import { attention } from './attention.ts';
import { decoderComponents } from './components.ts';
import type { ConfigurationReader } from './configuration.ts';
import { applyLinear, linear, linearWeights } from './linear.ts';
import { readRotary, rotaryWeights, rotate } from './rotary.ts';

/** What transformers takes where the configuration does not say. */
const defaultPositions: Readonly<Record<string, number>> = { llama: 2048, mistral: 131072, qwen2: 32768 };
const defaultWindow = 4096;

/** Which projections of the family carry a bias, by model type. */
function biases(read: ConfigurationReader): {
  readonly queryKeyValue: boolean;
  readonly output: boolean;
  readonly mlp: boolean;
} {
  if (read.modelType === 'qwen2') return { queryKeyValue: true, output: false, mlp: false };
  if (read.modelType === 'mistral') return { queryKeyValue: false, output: false, mlp: false };
  const attention = read.flag('attention_bias', false);
  return { queryKeyValue: attention, output: attention, mlp: read.flag('mlp_bias', false) };
}

/** The sliding window of each layer; undefined where a layer sees everything before it. */
function windows(read: ConfigurationReader, layerCount: number): readonly (number | undefined)[] {
  const all = (window: number | undefined) => Array.from({ length: layerCount }, () => window);
  if (read.modelType === 'llama') return all(undefined);
  const isOff = read.modelType === 'qwen2' && !read.flag('use_sliding_window', false);
  // Written as null, the window is none; left out, it is the default.
  const isNone = isOff || read.config.sliding_window === null;
  const window = isNone ? undefined : read.size('sliding_window', defaultWindow);
  if (read.modelType === 'mistral') return all(window);
  const types = read.config.layer_types;
  if (types === undefined || types === null) {
    const full = read.number('max_window_layers', 28);
    return Array.from({ length: layerCount }, (_, layer) => (layer < full ? undefined : window));
  }
  if (!Array.isArray(types) || types.length !== layerCount) {
    throw new UnsupportedModelError(`config.json: layer_types must list ${layerCount} layers.`);
  }
  return types.map((type: unknown) => {
    if (type === 'full_attention') return undefined;
    if (type === 'sliding_attention' && window === undefined) {
      throw new UnsupportedModelError(
        "config.json: layer_types asks for 'sliding_attention', but the window is off. Set use_sliding_window and sliding_window.",
      );
    }
    if (type === 'sliding_attention') return window;
    throw new UnsupportedModelError(
      `config.json: layer type ${JSON.stringify(type)} is not supported. Known: full_attention, sliding_attention.`,
    );
  });
}

export function llama(read: ConfigurationReader): Architecture {
  const width = read.size('hidden_size');
  const layerCount = read.layerCount('num_hidden_layers');
  const heads = read.size('num_attention_heads');
  const keyValueHeads = read.size('num_key_value_heads', heads);
  const innerWidth = read.size('intermediate_size');
  const vocabularySize = read.size('vocab_size');
  const maxPositions = read.size('max_position_embeddings', defaultPositions[read.modelType]);
  const epsilon = read.number('rms_norm_eps', 1e-6, 0);
  const act = activation(read.text('hidden_act', 'silu'));
  const isTied = read.flag('tie_word_embeddings', false);
  const headWidth = read.has('head_dim')
    ? read.size('head_dim')
    : read.divide(width, heads, 'hidden_size by num_attention_heads');
  const bias = biases(read);
  const window = windows(read, layerCount);
  const rotary = readRotary(read, { headWidth, fraction: 1, thetaName: 'rope_theta', maxPositions });
  read.divide(heads, keyValueHeads, 'num_attention_heads by num_key_value_heads');
  read.refuseUnless('partial_rotary_factor', [1], 'whole heads are turned in this family.');
  if (rotary.exactWidth !== headWidth) {
    throw new UnsupportedModelError(
      "config.json sets 'partial_rotary_factor', but whole heads are turned in this family.",
    );
  }
  const queryWidth = heads * headWidth;
  const keyWidth = keyValueHeads * headWidth;
  const tokenTable = tensor('model.embed_tokens.weight', vocabularySize, width);

  const block = (layer: number): GraphPart<BlockScope> => {
    const path = `model.layers.${layer}`;
    const into = (outputs: number, hasBias: boolean) => ({ inputs: width, outputs, bias: hasBias });
    const outOf = (inputs: number, hasBias: boolean) => ({ inputs, outputs: width, bias: hasBias });
    const slidingWindow = window[layer];
    return {
      key: slidingWindow === undefined ? 'block' : 'sliding block',
      weights: {
        input_layernorm: tensor(`${path}.input_layernorm.weight`, width),
        ...linearWeights('q_proj', `${path}.self_attn.q_proj`, into(queryWidth, bias.queryKeyValue)),
        ...linearWeights('k_proj', `${path}.self_attn.k_proj`, into(keyWidth, bias.queryKeyValue)),
        ...linearWeights('v_proj', `${path}.self_attn.v_proj`, into(keyWidth, bias.queryKeyValue)),
        ...linearWeights('o_proj', `${path}.self_attn.o_proj`, outOf(queryWidth, bias.output)),
        post_attention_layernorm: tensor(`${path}.post_attention_layernorm.weight`, width),
        ...linearWeights('gate_proj', `${path}.mlp.gate_proj`, into(innerWidth, bias.mlp)),
        ...linearWeights('up_proj', `${path}.mlp.up_proj`, into(innerWidth, bias.mlp)),
        ...linearWeights('down_proj', `${path}.mlp.down_proj`, outOf(innerWidth, bias.mlp)),
        ...rotaryWeights(rotary),
      },
      build: (scope) => {
        const { hidden, weight, site, batch } = scope;

        const entering = site('block_input', hidden);
        const h = site('attention_input', rmsNormalization(entering, weight('input_layernorm'), epsilon));
        const query = site('query_output', applyLinear(scope, h, 'q_proj', bias.queryKeyValue), heads);
        const key = site('key_output', applyLinear(scope, h, 'k_proj', bias.queryKeyValue), keyValueHeads);
        const value = site(
          'value_output',
          applyLinear(scope, h, 'v_proj', bias.queryKeyValue),
          keyValueHeads,
        );
        const gathered = attention(
          rotate(query, heads, scope, rotary),
          rotate(key, keyValueHeads, scope, rotary),
          value,
          {
            heads,
            keyValueHeads,
            headWidth,
            scale: headWidth ** -0.5,
            ...(slidingWindow === undefined ? {} : { window: slidingWindow }),
          },
          batch,
          site,
        );
        const mixed = applyLinear(
          scope,
          site('attention_value_output', gathered, heads),
          'o_proj',
          bias.output,
        );
        const between = add(entering, site('attention_output', mixed));

        const m = site('mlp_input', rmsNormalization(between, weight('post_attention_layernorm'), epsilon));
        const gate = site('mlp_activation', act(applyLinear(scope, m, 'gate_proj', bias.mlp)));
        const inner = mul(gate, applyLinear(scope, m, 'up_proj', bias.mlp));
        const outer = site('mlp_output', applyLinear(scope, inner, 'down_proj', bias.mlp));
        return site('block_output', add(between, outer));
      },
    };
  };

  return {
    family: 'llama',
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
      keyValueHeads,
      headWidth,
      vocabularySize,
      isRotary: true,
      activation: 'The gate of the MLP after the activation function, before it multiplies the other branch.',
    }),
    embed: {
      key: 'embed',
      weights: { embed_tokens: tokenTable },
      build: ({ tokens, weight, site }) =>
        site('embedding_output', gather(weight('embed_tokens'), tokens, 0)),
    },
    blocks: Array.from({ length: layerCount }, (_, layer) => block(layer)),
    head: {
      key: 'head',
      weights: {
        norm: tensor('model.norm.weight', width),
        unembedding: isTied ? tokenTable : tensor('lm_head.weight', vocabularySize, width),
      },
      build: ({ hidden, weight, site }) =>
        site(
          'logits',
          linear(
            site('final_norm_output', rmsNormalization(hidden, weight('norm'), epsilon)),
            weight('unembedding'),
          ),
        ),
    },
    ignoredTensors: [/rotary_emb\.inv_freq$/, ...(isTied ? [/^lm_head\.weight$/] : [])],
  };
}
