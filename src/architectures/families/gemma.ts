// Gemma: LLaMA's block with RMS norms whose weights are stored less 1, embeddings times the root of the width, heads of a
// width of their own, and the unembedding tied to the table of tokens.

import { add, mul } from '../../onnx/elementwise.ts';
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

/** Embeddings enter the first block times √width. */
export function scaledEmbedding(width: number) {
  const factor = constant(Math.fround(Math.sqrt(width)));
  return { weights: {}, apply: (_: unknown, embedded: Value) => mul(embedded, factor) };
}

export function gemma(read: ConfigurationReader): Architecture {
  const sizes = readSizes(read, { positions: 8192, headWidth: 256 });
  const { width, headWidth, maxPositions } = sizes;
  const epsilon = read.number('rms_norm_eps', 1e-6, 0);
  const bias = read.flag('attention_bias', false);
  // The first releases said `gelu` and meant its tanh form.
  const name = read.text('hidden_act', 'gelu_pytorch_tanh');
  const act = activation(name === 'gelu' ? 'gelu_pytorch_tanh' : name);
  const rotary = readWholeRotary(read, { headWidth, maxPositions });
  read.refuseUnless(
    'use_bidirectional_attention',
    [false],
    'use a model in which no position sees a later one.',
  );

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`model.layers.${layer}`);
    const norm = (of: string) => rmsNorm(at(of), { width, epsilon, isOffset: true });
    const [attentionNorm, mlpNorm] = [norm('input_layernorm'), norm('post_attention_layernorm')];
    const attend = selfAttention({
      ...sizes,
      projections: threeProjections(at, sizes, bias),
      output: outputProjection(at, sizes, bias),
      rotary,
      scale: headWidth ** -0.5,
    });
    const mlp = threeMatrixMlp(at, 'mlp', sizes, act);
    return part('block', [attentionNorm, attend, mlpNorm, mlp], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const between = scope.site('block_middle', add(x, attend.apply(scope, attentionNorm.apply(scope, x))));
      return scope.site('block_output', add(between, mlp.apply(scope, mlpNorm.apply(scope, between))));
    });
  };

  return decoder(read, {
    family: 'gemma',
    sizes,
    shape: { isRotary: true, activation: gateActivation },
    ends: {
      tokens: 'model.embed_tokens',
      enter: scaledEmbedding(width),
      norm: rmsNorm({ name: 'norm', path: 'model.norm' }, { width, epsilon, isOffset: true }),
      head: read.flag('tie_word_embeddings', true) ? 'tied' : 'lm_head',
    },
    block,
  });
}
