// OLMo 2: sublayers read the residual stream as it is and are normalised behind; queries and keys are normalised over
// their whole width, before the heads are parted.

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import type { Architecture, BlockScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { decoder, gateActivation } from '../languageModel.ts';
import { outputProjection, readSizes, threeMatrixMlp, threeProjections } from '../llamaWords.ts';
import { part, placesUnder } from '../module.ts';
import { rmsNorm } from '../norms.ts';
import { readWholeRotary } from '../rotaryConfiguration.ts';
import { selfAttention } from '../selfAttention.ts';

export function olmo2(read: ConfigurationReader): Architecture {
  const sizes = readSizes(read, { positions: 2048 });
  const { width, heads, keyValueHeads, headWidth, maxPositions } = sizes;
  const epsilon = read.number('rms_norm_eps', 1e-5, 0);
  const act = activation(read.text('hidden_act', 'silu'));
  const bias = read.flag('attention_bias', false);
  const rotary = readWholeRotary(read, { headWidth, maxPositions });

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`model.layers.${layer}`);
    const wholeNorm = (of: string, count: number) =>
      rmsNorm(at(`self_attn.${of}`), { width: count * headWidth, epsilon });
    const attend = selfAttention({
      ...sizes,
      projections: threeProjections(at, sizes, bias),
      norms: { query: wholeNorm('q_norm', heads), key: wholeNorm('k_norm', keyValueHeads) },
      output: outputProjection(at, sizes, bias),
      rotary,
      scale: headWidth ** -0.5,
    });
    const attentionNorm = rmsNorm(at('post_attention_layernorm'), { width, epsilon });
    const mlp = threeMatrixMlp(at, 'mlp', sizes, act);
    const mlpNorm = rmsNorm(at('post_feedforward_layernorm'), { width, epsilon });
    return part('block', [attend, attentionNorm, mlp, mlpNorm], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const between = scope.site('block_middle', add(x, attentionNorm.apply(scope, attend.apply(scope, x))));
      return scope.site('block_output', add(between, mlpNorm.apply(scope, mlp.apply(scope, between))));
    });
  };

  return decoder(read, {
    family: 'olmo2',
    sizes,
    shape: {
      isRotary: true,
      hasQueryKeyNorm: true,
      isPostNorm: true,
      behind: 'a norm',
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
