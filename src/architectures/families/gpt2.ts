// GPT-2: learned positions, layer normalisation before each sublayer, one fused matrix for queries, keys and values.

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import type { Architecture, BlockScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { type DecoderSizes, decoder, neuronActivation } from '../languageModel.ts';
import { embedding, linearByColumns } from '../linear.ts';
import { mlp } from '../mlp.ts';
import { part, placesUnder, prefixOf } from '../module.ts';
import { layerNorm } from '../norms.ts';
import { fusedProjection } from '../projections.ts';
import { selfAttention } from '../selfAttention.ts';

/** @param names of the tensors in the checkpoint: some leave out the prefix `transformer.` */
export function gpt2(read: ConfigurationReader, names: ReadonlySet<string>): Architecture {
  const width = read.size('n_embd');
  const heads = read.size('n_head');
  const sizes: DecoderSizes = {
    width,
    layerCount: read.layerCount('n_layer'),
    heads,
    keyValueHeads: heads,
    headWidth: read.divide(width, heads, 'n_embd by n_head'),
    maxPositions: read.size('n_positions', 1024),
    vocabularySize: read.size('vocab_size'),
    innerWidth: read.size('n_inner', 4 * width),
  };
  const { headWidth, innerWidth, maxPositions } = sizes;
  const epsilon = read.number('layer_norm_epsilon', 1e-5, 0);
  const act = activation(read.text('activation_function', 'gelu_new'));
  const isScaled = read.flag('scale_attn_weights', true);
  const isScaledByLayer = read.flag('scale_attn_by_inverse_layer_idx', false);
  const isTied = read.flag('tie_word_embeddings', true);
  read.refuseUnless('add_cross_attention', [false], 'use a decoder without cross-attention.');
  const prefix = prefixOf(names, 'wte.weight', ['transformer.', '']);

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`${prefix}h.${layer}`);
    const attentionNorm = layerNorm(at('ln_1'), { width, epsilon });
    const attend = selfAttention({
      ...sizes,
      projections: fusedProjection(linearByColumns(at('attn.c_attn'), width, 3 * width), 'whole', sizes),
      output: linearByColumns(at('attn.c_proj'), width, width),
      scale: (isScaled ? headWidth ** -0.5 : 1) / (isScaledByLayer ? layer + 1 : 1),
    });
    const mlpNorm = layerNorm(at('ln_2'), { width, epsilon });
    const feedForward = mlp(
      linearByColumns(at('mlp.c_fc'), width, innerWidth),
      act,
      linearByColumns(at('mlp.c_proj'), innerWidth, width),
    );
    const key = isScaledByLayer ? `block ${layer}` : 'block';
    return part(key, [attentionNorm, attend, mlpNorm, feedForward], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const between = scope.site('block_middle', add(x, attend.apply(scope, attentionNorm.apply(scope, x))));
      const output = feedForward.apply(scope, mlpNorm.apply(scope, between));
      return scope.site('block_output', add(between, output));
    });
  };

  const positions = embedding({ name: 'wpe', path: `${prefix}wpe` }, maxPositions, width);
  return decoder(read, {
    family: 'gpt2',
    sizes,
    shape: { isFused: true, isRotary: false, activation: neuronActivation },
    ends: {
      tokens: `${prefix}wte`,
      enter: {
        weights: positions.weights,
        apply: (scope, embedded) => add(embedded, positions.apply(scope, scope.positions)),
      },
      norm: layerNorm({ name: 'ln_f', path: `${prefix}ln_f` }, { width, epsilon }),
      head: isTied ? 'tied' : 'lm_head',
      ignored: [/(^|\.)h\.\d+\.attn\.(bias|masked_bias)$/],
    },
    block,
  });
}
