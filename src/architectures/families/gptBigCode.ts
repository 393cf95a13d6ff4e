// GPT-BigCode (SantaCoder, StarCoder): GPT-2's block with one key-value head for all query heads, or with one each.

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import type { Architecture, BlockScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { type DecoderSizes, decoder, neuronActivation } from '../languageModel.ts';
import { embedding, linear } from '../linear.ts';
import { mlp } from '../mlp.ts';
import { part, placesUnder } from '../module.ts';
import { layerNorm } from '../norms.ts';
import { fusedProjection } from '../projections.ts';
import { selfAttention } from '../selfAttention.ts';

export function gptBigCode(read: ConfigurationReader): Architecture {
  const width = read.size('n_embd');
  const heads = read.size('n_head');
  const isMultiQuery = read.flag('multi_query', true);
  const sizes: DecoderSizes = {
    width,
    layerCount: read.layerCount('n_layer'),
    heads,
    keyValueHeads: isMultiQuery ? 1 : heads,
    headWidth: read.divide(width, heads, 'n_embd by n_head'),
    innerWidth: read.size('n_inner', 4 * width),
    vocabularySize: read.size('vocab_size'),
    maxPositions: read.size('n_positions', 1024),
  };
  const { innerWidth, keyValueHeads, headWidth, maxPositions } = sizes;
  const epsilon = read.number('layer_norm_epsilon', 1e-5, 0);
  const act = activation(read.text('activation_function', 'gelu_pytorch_tanh'));
  const scale = read.flag('scale_attn_weights', true) ? headWidth ** -0.5 : 1;
  read.refuseUnless('add_cross_attention', [false], 'use a decoder without cross-attention.');

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`transformer.h.${layer}`);
    const affine = (name: string, inputs: number, outputs: number) =>
      linear(at(name), { inputs, outputs, bias: true });
    const attentionNorm = layerNorm(at('ln_1'), { width, epsilon });
    const fused = affine('attn.c_attn', width, width + 2 * keyValueHeads * headWidth);
    const attend = selfAttention({
      ...sizes,
      projections: fusedProjection(fused, 'grouped', sizes),
      output: affine('attn.c_proj', width, width),
      scale,
    });
    const mlpNorm = layerNorm(at('ln_2'), { width, epsilon });
    const feedForward = mlp(
      affine('mlp.c_fc', width, innerWidth),
      act,
      affine('mlp.c_proj', innerWidth, width),
    );
    return part('block', [attentionNorm, attend, mlpNorm, feedForward], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const between = scope.site('block_middle', add(x, attend.apply(scope, attentionNorm.apply(scope, x))));
      const output = feedForward.apply(scope, mlpNorm.apply(scope, between));
      return scope.site('block_output', add(between, output));
    });
  };

  const positions = embedding({ name: 'wpe', path: 'transformer.wpe' }, maxPositions, width);
  return decoder(read, {
    family: 'gpt_bigcode',
    sizes,
    shape: { isFused: true, isRotary: false, activation: neuronActivation },
    ends: {
      tokens: 'transformer.wte',
      enter: {
        weights: positions.weights,
        apply: (scope, embedded) => add(embedded, positions.apply(scope, scope.positions)),
      },
      norm: layerNorm({ name: 'ln_f', path: 'transformer.ln_f' }, { width, epsilon }),
      head: read.flag('tie_word_embeddings', true) ? 'tied' : 'lm_head',
      ignored: [/\.attn\.(bias|masked_bias)$/],
    },
    block,
  });
}
