// Cohere's Command R: attention and a gated MLP in parallel behind one norm without bias, neighbouring entries rotated
// together, logits scaled, the unembedding tied.

import { add, mul } from '../../onnx/elementwise.ts';
import { constant } from '../../onnx/value.ts';
import { activation } from '../activation.ts';
import type { Architecture, BlockScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { decoder, gateActivation } from '../languageModel.ts';
import { outputProjection, readSizes, threeMatrixMlp, threeProjections } from '../llamaWords.ts';
import { part, placesUnder } from '../module.ts';
import { layerNorm, layerNormOfHeads } from '../norms.ts';
import { readWholeRotary } from '../rotaryConfiguration.ts';
import { selfAttention } from '../selfAttention.ts';

export function cohere(read: ConfigurationReader): Architecture {
  const sizes = readSizes(read, { positions: 8192 });
  const { width, heads, keyValueHeads, headWidth, maxPositions } = sizes;
  const epsilon = read.number('layer_norm_eps', 1e-5, 0);
  const act = activation(read.text('hidden_act', 'silu'));
  const bias = read.flag('attention_bias', false);
  const hasQueryKeyNorm = read.flag('use_qk_norm', false);
  const logitFactor = constant(read.number('logit_scale', 0.0625));
  const rotary = readWholeRotary(read, { headWidth, maxPositions, theta: 5e5, pairing: 'neighbours' });

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`model.layers.${layer}`);
    const headNorm = (of: string, count: number) =>
      layerNormOfHeads(at(`self_attn.${of}`), { heads: count, headWidth, epsilon });
    const norm = layerNorm(at('input_layernorm'), { width, epsilon, bias: false });
    const attend = selfAttention({
      ...sizes,
      projections: threeProjections(at, sizes, bias),
      ...(hasQueryKeyNorm
        ? { norms: { query: headNorm('q_norm', heads), key: headNorm('k_norm', keyValueHeads) } }
        : {}),
      output: outputProjection(at, sizes, bias),
      rotary,
      scale: headWidth ** -0.5,
    });
    const mlp = threeMatrixMlp(at, 'mlp', sizes, act);
    return part('block', [norm, attend, mlp], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const normal = norm.apply(scope, x);
      const attended = attend.apply(scope, normal);
      return scope.site('block_output', add(add(x, attended), mlp.apply(scope, normal)));
    });
  };

  return decoder(read, {
    family: 'cohere',
    sizes,
    shape: {
      isParallel: true,
      alias: 'what the MLP reads',
      isRotary: true,
      hasQueryKeyNorm,
      activation: gateActivation,
    },
    ends: {
      tokens: 'model.embed_tokens',
      norm: layerNorm({ name: 'norm', path: 'model.norm' }, { width, epsilon, bias: false }),
      head: read.flag('tie_word_embeddings', true) ? 'tied' : 'lm_head',
      logits: (products) => mul(products, logitFactor),
    },
    block,
  });
}
