// Gemma 2 and Gemma 3's text model: four norms a block (before and behind each sublayer), local and global layers, scores
// scaled by a number of their own. Gemma 2 caps scores and logits softly; Gemma 3 normalises queries and keys instead,
// and turns local and global layers by different bases.

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import type { Architecture, BlockScope, GraphPart } from '../architecture.ts';
import { softCapped } from '../attention.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { decoder, gateActivation } from '../languageModel.ts';
import {
  type LayerType,
  outputProjection,
  readLayerTypes,
  readSizes,
  readWindow,
  threeMatrixMlp,
  threeProjections,
} from '../llamaWords.ts';
import { part, placesUnder } from '../module.ts';
import { byHead, rmsNorm } from '../norms.ts';
import type { RotaryOptions } from '../rotary.ts';
import { isSection, readWholeRotary, rotaryFrom } from '../rotaryConfiguration.ts';
import { selfAttention } from '../selfAttention.ts';
import { scaledEmbedding } from './gemma.ts';

const defaultWindow = 4096;

/** A cap that null turns off. */
function readCap(read: ConfigurationReader, name: string, fallback?: number): number | undefined {
  const isNone = read.config[name] === null || (fallback === undefined && !read.has(name));
  return isNone ? undefined : read.number(name, fallback, Number.MIN_VALUE);
}

interface Gemma2 {
  readonly family: string;
  readonly positions: number;
  readonly types: (layerCount: number) => readonly LayerType[];
  readonly rotary: (headWidth: number, maxPositions: number) => Readonly<Record<LayerType, RotaryOptions>>;
  readonly scoreCap: number | undefined;
  readonly logitCap: number | undefined;
  readonly hasQueryKeyNorm: boolean;
}

function build(read: ConfigurationReader, options: Gemma2): Architecture {
  const { family, scoreCap, logitCap, hasQueryKeyNorm } = options;
  const sizes = readSizes(read, { positions: options.positions, headWidth: 256 });
  const { width, heads, keyValueHeads, headWidth, layerCount, maxPositions } = sizes;
  const epsilon = read.number('rms_norm_eps', 1e-6, 0);
  const bias = read.flag('attention_bias', false);
  const act = activation(read.text('hidden_activation', 'gelu_pytorch_tanh'));
  const scale = read.number('query_pre_attn_scalar', 256, Number.MIN_VALUE) ** -0.5;
  const window = readWindow(read, defaultWindow);
  const types = options.types(layerCount);
  const rotary = options.rotary(headWidth, maxPositions);
  read.refuseUnless(
    'use_bidirectional_attention',
    [false],
    'use a model in which no position sees a later one.',
  );

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`model.layers.${layer}`);
    const norm = (of: string) => rmsNorm(at(of), { width, epsilon, isOffset: true });
    const headNorm = (of: string, count: number) =>
      byHead(rmsNorm(at(`self_attn.${of}`), { width: headWidth, epsilon, isOffset: true }), count);
    const type = types[layer] ?? 'full_attention';
    const beforeAttention = norm('input_layernorm');
    const attend = selfAttention({
      ...sizes,
      projections: threeProjections(at, sizes, bias),
      output: outputProjection(at, sizes, bias),
      ...(hasQueryKeyNorm
        ? { norms: { query: headNorm('q_norm', heads), key: headNorm('k_norm', keyValueHeads) } }
        : {}),
      rotary: rotary[type],
      scale,
      window: type === 'sliding_attention' ? window : undefined,
      softCap: scoreCap,
    });
    const behindAttention = norm('post_attention_layernorm');
    const beforeMlp = norm('pre_feedforward_layernorm');
    const mlp = threeMatrixMlp(at, 'mlp', sizes, act);
    const behindMlp = norm('post_feedforward_layernorm');
    return part(type, [beforeAttention, attend, behindAttention, beforeMlp, mlp, behindMlp], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const attended = attend.apply(scope, beforeAttention.apply(scope, x));
      const between = scope.site('block_middle', add(x, behindAttention.apply(scope, attended)));
      const output = mlp.apply(scope, beforeMlp.apply(scope, between));
      return scope.site('block_output', add(between, behindMlp.apply(scope, output)));
    });
  };

  return decoder(read, {
    family,
    sizes,
    shape: {
      isRotary: true,
      hasQueryKeyNorm,
      behind: 'a norm',
      ...(scoreCap === undefined ? {} : { scores: 'soft-capped' }),
      activation: gateActivation,
    },
    ends: {
      tokens: 'model.embed_tokens',
      enter: scaledEmbedding(width),
      norm: rmsNorm({ name: 'norm', path: 'model.norm' }, { width, epsilon, isOffset: true }),
      head: read.flag('tie_word_embeddings', true) ? 'tied' : 'lm_head',
      ...(logitCap === undefined ? {} : { logits: (products) => softCapped(products, logitCap) }),
    },
    block,
  });
}

/** Every second layer is global, the first one local. */
export function gemma2(read: ConfigurationReader): Architecture {
  return build(read, {
    family: 'gemma2',
    positions: 8192,
    types: (layerCount) =>
      readLayerTypes(read, layerCount, (layer) => (layer % 2 === 0 ? 'sliding_attention' : 'full_attention')),
    rotary: (headWidth, maxPositions) => {
      const rotary = readWholeRotary(read, { headWidth, maxPositions });
      return { full_attention: rotary, sliding_attention: rotary };
    },
    scoreCap: readCap(read, 'attn_logit_softcapping', 50),
    logitCap: readCap(read, 'final_logit_softcapping', 30),
    hasQueryKeyNorm: false,
  });
}

/** Rope options by layer type, or in old words: a base for each type, and a scaling for global layers alone. */
function gemma3Rotary(read: ConfigurationReader, headWidth: number, maxPositions: number) {
  const options = read.section('rope_parameters') ?? {};
  const scaling = read.section('rope_scaling') ?? {};
  const of = (type: LayerType) => (isSection(options[type]) ? options[type] : {});
  const settings = { headWidth, maxPositions };
  return {
    full_attention: rotaryFrom(
      read,
      { ...of('full_attention'), ...scaling },
      { ...settings, name: 'rotary.full', theta: read.number('rope_theta', 1e6) },
    ),
    sliding_attention: rotaryFrom(read, of('sliding_attention'), {
      ...settings,
      name: 'rotary.sliding',
      theta: read.number('rope_local_base_freq', 1e4),
    }),
  };
}

/** Every sixth layer is global, or as `sliding_window_pattern` says. */
export function gemma3Text(read: ConfigurationReader): Architecture {
  const every = read.size('sliding_window_pattern', 6);
  return build(read, {
    family: 'gemma3_text',
    positions: 131072,
    types: (layerCount) =>
      readLayerTypes(read, layerCount, (layer) =>
        (layer + 1) % every === 0 ? 'full_attention' : 'sliding_attention',
      ),
    rotary: (headWidth, maxPositions) => gemma3Rotary(read, headWidth, maxPositions),
    // The configuration may hold a cap of scores, which Gemma 3 does not apply.
    scoreCap: undefined,
    logitCap: readCap(read, 'final_logit_softcapping'),
    hasQueryKeyNorm: true,
  });
}
