// Mixtral: LLaMA's block with a mixture of experts in place of the MLP; the shares of the chosen experts add up to 1.

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import type { Architecture, BlockScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { decoder, gateActivation } from '../languageModel.ts';
import { linear } from '../linear.ts';
import { outputProjection, readSizes, readWindow, threeProjections } from '../llamaWords.ts';
import { mixture } from '../mixture.ts';
import { gatedUnit } from '../mlp.ts';
import { part, placesUnder } from '../module.ts';
import { rmsNorm } from '../norms.ts';
import { readWholeRotary } from '../rotaryConfiguration.ts';
import { selfAttention } from '../selfAttention.ts';

export function mixtral(read: ConfigurationReader): Architecture {
  const sizes = readSizes(read, { positions: 131072, headWidth: 'own' });
  const { width, innerWidth, headWidth, layerCount, maxPositions } = sizes;
  const epsilon = read.number('rms_norm_eps', 1e-5, 0);
  const act = activation(read.text('hidden_act', 'silu'));
  const experts = read.size('num_local_experts', 8, 1024);
  const chosen = read.size('num_experts_per_tok', 2, experts);
  const window = readWindow(read);
  const rotary = readWholeRotary(read, { headWidth, maxPositions, theta: 1e6 });

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`model.layers.${layer}`);
    const attentionNorm = rmsNorm(at('input_layernorm'), { width, epsilon });
    const attend = selfAttention({
      ...sizes,
      projections: threeProjections(at, sizes, false),
      output: outputProjection(at, sizes, false),
      rotary,
      scale: headWidth ** -0.5,
      window,
    });
    const mlpNorm = rmsNorm(at('post_attention_layernorm'), { width, epsilon });
    const expert = (index: number) => {
      const matrix = (name: string, inputs: number, outputs: number) =>
        linear(at(`block_sparse_moe.experts.${index}.${name}`), { inputs, outputs, bias: false });
      const [gate, up] = [matrix('w1', width, innerWidth), matrix('w3', width, innerWidth)];
      return gatedUnit(gate, up, act, matrix('w2', innerWidth, width));
    };
    const mixed = mixture({
      router: linear(at('block_sparse_moe.gate'), { inputs: width, outputs: experts, bias: false }),
      experts: Array.from({ length: experts }, (_, index) => expert(index)),
      chosen,
      isNormalized: true,
    });
    return part('block', [attentionNorm, attend, mlpNorm, mixed], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const between = scope.site('block_middle', add(x, attend.apply(scope, attentionNorm.apply(scope, x))));
      return scope.site('block_output', add(between, mixed.apply(scope, mlpNorm.apply(scope, between))));
    });
  };

  return decoder(read, {
    family: 'mixtral',
    sizes,
    shape: {
      isRotary: true,
      mixture: { experts, layers: Array.from({ length: layerCount }, (_, layer) => layer) },
      plainLayers: [],
      activation: gateActivation,
    },
    ends: {
      tokens: 'model.embed_tokens',
      norm: rmsNorm({ name: 'norm', path: 'model.norm' }, { width, epsilon }),
      head: read.flag('tie_word_embeddings', false) ? 'tied' : 'lm_head',
    },
    block,
  });
}
