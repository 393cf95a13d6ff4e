// Qwen3: LLaMA's block with an RMS norm over each head's query and key. In the mixture-of-experts models a router and small
// experts stand in place of the MLP, in all layers or in some.

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import type { Architecture, BlockScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { type DecoderSizes, decoder, gateActivation } from '../languageModel.ts';
import { linear } from '../linear.ts';
import { outputProjection, readSizes, readWindow, threeMatrixMlp, threeProjections } from '../llamaWords.ts';
import { mixture } from '../mixture.ts';
import { gatedUnit } from '../mlp.ts';
import { type Module, type Place, part, placesUnder } from '../module.ts';
import { byHead, rmsNorm } from '../norms.ts';
import { readWholeRotary } from '../rotaryConfiguration.ts';
import { selfAttention } from '../selfAttention.ts';
import { windowsByType } from './llama.ts';

const defaultWindow = 4096;

type Places = (name: string) => Place;

/** The sublayer behind attention, for each layer: plain or a mixture. */
interface SecondSublayers {
  readonly of: (layer: number, at: Places) => Module;
  readonly mixture?: { readonly experts: number; readonly layers: readonly number[] };
}

interface Qwen3 {
  readonly family: string;
  readonly sizes: DecoderSizes;
  readonly windows: readonly (number | undefined)[];
  readonly second: SecondSublayers;
}

function build(read: ConfigurationReader, { family, sizes, windows, second }: Qwen3): Architecture {
  const { width, heads, keyValueHeads, headWidth, layerCount, maxPositions } = sizes;
  const epsilon = read.number('rms_norm_eps', 1e-6, 0);
  const bias = read.flag('attention_bias', false);
  const rotary = readWholeRotary(read, { headWidth, maxPositions });
  const isMixed = (layer: number) => second.mixture?.layers.includes(layer) ?? false;

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`model.layers.${layer}`);
    const headNorm = (of: string, count: number) =>
      byHead(rmsNorm(at(`self_attn.${of}`), { width: headWidth, epsilon }), count);
    const attentionNorm = rmsNorm(at('input_layernorm'), { width, epsilon });
    const attend = selfAttention({
      ...sizes,
      projections: threeProjections(at, sizes, bias),
      norms: { query: headNorm('q_norm', heads), key: headNorm('k_norm', keyValueHeads) },
      output: outputProjection(at, sizes, bias),
      rotary,
      scale: headWidth ** -0.5,
      window: windows[layer],
    });
    const mlpNorm = rmsNorm(at('post_attention_layernorm'), { width, epsilon });
    const mlp = second.of(layer, at);
    const key = `${windows[layer] === undefined ? 'full' : 'sliding'} ${isMixed(layer) ? 'mixture' : 'block'}`;
    return part(key, [attentionNorm, attend, mlpNorm, mlp], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const between = scope.site('block_middle', add(x, attend.apply(scope, attentionNorm.apply(scope, x))));
      return scope.site('block_output', add(between, mlp.apply(scope, mlpNorm.apply(scope, between))));
    });
  };

  const layers = Array.from({ length: layerCount }, (_, layer) => layer);
  return decoder(read, {
    family,
    sizes,
    shape: {
      isRotary: true,
      hasQueryKeyNorm: true,
      activation: gateActivation,
      ...(second.mixture
        ? { mixture: second.mixture, plainLayers: layers.filter((layer) => !isMixed(layer)) }
        : {}),
    },
    ends: {
      tokens: 'model.embed_tokens',
      norm: rmsNorm({ name: 'norm', path: 'model.norm' }, { width, epsilon }),
      head: read.flag('tie_word_embeddings', false) ? 'tied' : 'lm_head',
    },
    block,
  });
}

export function qwen3(read: ConfigurationReader): Architecture {
  const sizes = readSizes(read, { positions: 32768, headWidth: 128 });
  const act = activation(read.text('hidden_act', 'silu'));
  const windows = windowsByType(read, sizes.layerCount);
  const second = { of: (_: number, at: Places) => threeMatrixMlp(at, 'mlp', sizes, act) };
  return build(read, { family: 'qwen3', sizes, windows, second });
}

/** Every `decoder_sparse_step`-th layer is a mixture, but for those of `mlp_only_layers`. */
export function qwen3Moe(read: ConfigurationReader): Architecture {
  const sizes = readSizes(read, { positions: 32768, headWidth: 'own' });
  const { width, layerCount } = sizes;
  const act = activation(read.text('hidden_act', 'silu'));
  const experts = read.size(read.has('num_experts') ? 'num_experts' : 'num_local_experts', 128, 1024);
  const chosen = read.size('num_experts_per_tok', 8, experts);
  const innerWidth = read.size('moe_intermediate_size', 768);
  const isNormalized = read.flag('norm_topk_prob', false);
  const step = read.size('decoder_sparse_step', 1);
  const plain = read.wholeNumbers('mlp_only_layers', []);
  const layers = Array.from({ length: layerCount }, (_, layer) => layer).filter(
    (layer) => (layer + 1) % step === 0 && !plain.includes(layer),
  );
  const window = read.flag('use_sliding_window', false) ? readWindow(read, defaultWindow) : undefined;

  const mixed = (at: Places) => {
    const expert = (index: number) => {
      const matrix = (name: string, inputs: number, outputs: number) =>
        linear(at(`mlp.experts.${index}.${name}`), { inputs, outputs, bias: false });
      const [gate, up] = [matrix('gate_proj', width, innerWidth), matrix('up_proj', width, innerWidth)];
      return gatedUnit(gate, up, act, matrix('down_proj', innerWidth, width));
    };
    return mixture({
      router: linear(at('mlp.gate'), { inputs: width, outputs: experts, bias: false }),
      experts: Array.from({ length: experts }, (_, index) => expert(index)),
      chosen,
      isNormalized,
    });
  };
  return build(read, {
    family: 'qwen3_moe',
    sizes,
    windows: Array.from({ length: layerCount }, () => window),
    second: {
      of: (layer, at) => (layers.includes(layer) ? mixed(at) : threeMatrixMlp(at, 'mlp', sizes, act)),
      ...(layers.length > 0 ? { mixture: { experts, layers } } : {}),
    },
  });
}
