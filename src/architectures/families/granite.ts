// Granite: LLaMA's block with four factors: on the embedding, on the scores, on what each sublayer adds, and under the
// logits.

import { add, div, mul } from '../../onnx/elementwise.ts';
import { constant, type Value } from '../../onnx/value.ts';
import { activation } from '../activation.ts';
import type { Architecture, BlockScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { decoder, gateActivation } from '../languageModel.ts';
import { outputProjection, readSizes, threeMatrixMlp, threeProjections } from '../llamaWords.ts';
import { part, placesUnder } from '../module.ts';
import { rmsNorm } from '../norms.ts';
import { readWholeRotary } from '../rotaryConfiguration.ts';
import { selfAttention } from '../selfAttention.ts';

export function granite(read: ConfigurationReader): Architecture {
  const sizes = readSizes(read, { positions: 2048 });
  const { width, headWidth, maxPositions } = sizes;
  const epsilon = read.number('rms_norm_eps', 1e-6, 0);
  const act = activation(read.text('hidden_act', 'silu'));
  const attentionBias = read.flag('attention_bias', false);
  const mlpBias = read.flag('mlp_bias', false);
  const rotary = readWholeRotary(read, { headWidth, maxPositions });
  const embeddingFactor = constant(read.number('embedding_multiplier', 1));
  const residualFactor = constant(read.number('residual_multiplier', 1));
  const logitDivisor = constant(read.number('logits_scaling', 1, Number.MIN_VALUE));
  const scale = read.number('attention_multiplier', 1);

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`model.layers.${layer}`);
    const attentionNorm = rmsNorm(at('input_layernorm'), { width, epsilon });
    const attend = selfAttention({
      ...sizes,
      projections: threeProjections(at, sizes, attentionBias),
      output: outputProjection(at, sizes, attentionBias),
      rotary,
      scale,
    });
    const mlpNorm = rmsNorm(at('post_attention_layernorm'), { width, epsilon });
    const mlp = threeMatrixMlp(at, 'mlp', sizes, act, mlpBias);
    const scaled = (x: Value) => mul(x, residualFactor);
    return part('block', [attentionNorm, attend, mlpNorm, mlp], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const between = scope.site(
        'block_middle',
        add(x, scaled(attend.apply(scope, attentionNorm.apply(scope, x)))),
      );
      const output = mlp.apply(scope, mlpNorm.apply(scope, between));
      return scope.site('block_output', add(between, scaled(output)));
    });
  };

  return decoder(read, {
    family: 'granite',
    sizes,
    shape: { isRotary: true, behind: 'a factor', activation: gateActivation },
    ends: {
      tokens: 'model.embed_tokens',
      enter: { weights: {}, apply: (_, embedded) => mul(embedded, embeddingFactor) },
      norm: rmsNorm({ name: 'norm', path: 'model.norm' }, { width, epsilon }),
      head: read.flag('tie_word_embeddings', false) ? 'tied' : 'lm_head',
      logits: (products) => div(products, logitDivisor),
    },
    block,
  });
}
