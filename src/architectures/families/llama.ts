// LLaMA and its kin (Mistral, Qwen2, and so SmolLM, TinyLlama, Qwen2.5): rotary positions, RMS normalisation, gated MLP,
// key-value heads shared by groups of query heads, a sliding window where the configuration asks for one.

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import {
  type Architecture,
  type BlockScope,
  type GraphPart,
  UnsupportedModelError,
} from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { decoder, gateActivation } from '../languageModel.ts';
import {
  outputProjection,
  readLayerTypes,
  readSizes,
  readWindow,
  threeMatrixMlp,
  threeProjections,
} from '../llamaWords.ts';
import { part, placesUnder } from '../module.ts';
import { rmsNorm } from '../norms.ts';
import { readWholeRotary } from '../rotaryConfiguration.ts';
import { selfAttention } from '../selfAttention.ts';

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
  if (read.modelType === 'mistral') return all(readWindow(read, defaultWindow));
  return windowsByType(read, layerCount);
}

/** Qwen's words for windows: off unless `use_sliding_window`, and then in the layers from `max_window_layers` on. */
export function windowsByType(
  read: ConfigurationReader,
  layerCount: number,
): readonly (number | undefined)[] {
  const window = read.flag('use_sliding_window', false) ? readWindow(read, defaultWindow) : undefined;
  const full = read.number('max_window_layers', 28);
  const types = readLayerTypes(read, layerCount, (layer) =>
    window === undefined || layer < full ? 'full_attention' : 'sliding_attention',
  );
  return types.map((type) => {
    if (type === 'full_attention') return undefined;
    if (window !== undefined) return window;
    throw new UnsupportedModelError(
      "config.json: layer_types asks for 'sliding_attention', but the window is off. Set use_sliding_window and sliding_window.",
    );
  });
}

export function llama(read: ConfigurationReader): Architecture {
  const sizes = readSizes(read, { positions: defaultPositions[read.modelType] ?? 2048, headWidth: 'own' });
  const { width, layerCount, headWidth, maxPositions } = sizes;
  const epsilon = read.number('rms_norm_eps', 1e-6, 0);
  const act = activation(read.text('hidden_act', 'silu'));
  const bias = biases(read);
  const window = windows(read, layerCount);
  const rotary = readWholeRotary(read, { headWidth, maxPositions });

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`model.layers.${layer}`);
    const attentionNorm = rmsNorm(at('input_layernorm'), { width, epsilon });
    const attend = selfAttention({
      ...sizes,
      projections: threeProjections(at, sizes, bias.queryKeyValue),
      output: outputProjection(at, sizes, bias.output),
      rotary,
      scale: headWidth ** -0.5,
      window: window[layer],
    });
    const mlpNorm = rmsNorm(at('post_attention_layernorm'), { width, epsilon });
    const mlp = threeMatrixMlp(at, 'mlp', sizes, act, bias.mlp);
    const key = window[layer] === undefined ? 'block' : 'sliding block';
    return part(key, [attentionNorm, attend, mlpNorm, mlp], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const between = scope.site('block_middle', add(x, attend.apply(scope, attentionNorm.apply(scope, x))));
      return scope.site('block_output', add(between, mlp.apply(scope, mlpNorm.apply(scope, between))));
    });
  };

  return decoder(read, {
    family: 'llama',
    sizes,
    shape: { isRotary: true, activation: gateActivation },
    ends: {
      tokens: 'model.embed_tokens',
      norm: rmsNorm({ name: 'norm', path: 'model.norm' }, { width, epsilon }),
      head: read.flag('tie_word_embeddings', false) ? 'tied' : 'lm_head',
    },
    block,
  });
}
