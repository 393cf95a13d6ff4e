// StableLM: layer norms with LLaMA's gated MLP, a part of each head rotated; sublayers one after the other or in parallel
// behind one norm.

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import type { Architecture, BlockScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { decoder, gateActivation } from '../languageModel.ts';
import { outputProjection, readSizes, threeMatrixMlp, threeProjections } from '../llamaWords.ts';
import { part, placesUnder } from '../module.ts';
import { layerNorm, layerNormOfEachHead } from '../norms.ts';
import { readRotary } from '../rotaryConfiguration.ts';
import { selfAttention } from '../selfAttention.ts';

export function stablelm(read: ConfigurationReader): Architecture {
  const sizes = readSizes(read, { positions: 4096 });
  const { width, heads, keyValueHeads, headWidth, maxPositions } = sizes;
  const epsilon = read.number('layer_norm_eps', 1e-5, 0);
  const act = activation(read.text('hidden_act', 'silu'));
  const isParallel = read.flag('use_parallel_residual', false);
  const hasQueryKeyNorm = read.flag('qk_layernorm', false);
  const bias = read.flag('use_qkv_bias', false);
  const fraction = read.number('partial_rotary_factor', 0.25);
  const rotary = readRotary(read, { headWidth, maxPositions, fraction });

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`model.layers.${layer}`);
    const headNorm = (of: string, count: number) =>
      layerNormOfEachHead(at(`self_attn.${of}.norms`), { heads: count, headWidth, epsilon });
    const attentionNorm = layerNorm(at('input_layernorm'), { width, epsilon });
    const attend = selfAttention({
      ...sizes,
      projections: threeProjections(at, sizes, bias),
      ...(hasQueryKeyNorm
        ? { norms: { query: headNorm('q_layernorm', heads), key: headNorm('k_layernorm', keyValueHeads) } }
        : {}),
      output: outputProjection(at, sizes, false),
      rotary,
      scale: headWidth ** -0.5,
    });
    const mlp = threeMatrixMlp(at, 'mlp', sizes, act);
    if (isParallel) {
      return part('block', [attentionNorm, attend, mlp], (scope) => {
        const x = scope.site('block_input', scope.hidden);
        const normal = attentionNorm.apply(scope, x);
        const attended = attend.apply(scope, normal);
        return scope.site('block_output', add(add(x, attended), mlp.apply(scope, normal)));
      });
    }
    const mlpNorm = layerNorm(at('post_attention_layernorm'), { width, epsilon });
    return part('block', [attentionNorm, attend, mlpNorm, mlp], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const between = scope.site('block_middle', add(x, attend.apply(scope, attentionNorm.apply(scope, x))));
      return scope.site('block_output', add(between, mlp.apply(scope, mlpNorm.apply(scope, between))));
    });
  };

  return decoder(read, {
    family: 'stablelm',
    sizes,
    shape: {
      isParallel,
      ...(isParallel ? { alias: 'what the MLP reads' } : {}),
      isRotary: true,
      hasQueryKeyNorm,
      activation: gateActivation,
    },
    ends: {
      tokens: 'model.embed_tokens',
      norm: layerNorm({ name: 'norm', path: 'model.norm' }, { width, epsilon }),
      head: read.flag('tie_word_embeddings', false) ? 'tied' : 'lm_head',
    },
    block,
  });
}
