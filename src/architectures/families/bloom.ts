// BLOOM: ALiBi in place of positions, a norm right behind the embedding, one fused matrix whose rows lie head by head.

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import { alibi, alibiScores } from '../alibi.ts';
import type { Architecture, BlockScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { type DecoderSizes, decoder, neuronActivation } from '../languageModel.ts';
import { linear } from '../linear.ts';
import { mlp } from '../mlp.ts';
import { part, placesUnder, prefixOf } from '../module.ts';
import { layerNorm } from '../norms.ts';
import { fusedProjection } from '../projections.ts';
import { selfAttention } from '../selfAttention.ts';

/** BLOOM has no table of positions and says no length; this only keeps absurd ones out. */
const maxPositions = 2 ** 20;

/** @param names of the tensors in the checkpoint: the published ones leave out the prefix `transformer.` */
export function bloom(read: ConfigurationReader, names: ReadonlySet<string>): Architecture {
  const width = read.size(read.has('n_embed') ? 'n_embed' : 'hidden_size');
  const headsName = read.has('n_head') ? 'n_head' : 'num_attention_heads';
  const heads = read.size(headsName);
  const sizes: DecoderSizes = {
    width,
    layerCount: read.layerCount(read.has('n_layer') ? 'n_layer' : 'num_hidden_layers'),
    heads,
    keyValueHeads: heads,
    headWidth: read.divide(width, heads, `hidden_size by ${headsName}`),
    innerWidth: 4 * width,
    vocabularySize: read.size('vocab_size'),
    maxPositions,
  };
  const { innerWidth, headWidth } = sizes;
  const epsilon = read.number('layer_norm_epsilon', 1e-5, 0);
  const isResidualNormal = read.flag('apply_residual_connection_post_layernorm', false);
  const act = activation('gelu_new');
  const bias = alibi(heads, (slope, position) => Math.fround(slope) * position);
  const prefix = prefixOf(names, 'word_embeddings.weight', ['transformer.', '']);

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`${prefix}h.${layer}`);
    const affine = (name: string, inputs: number, outputs: number) =>
      linear(at(name), { inputs, outputs, bias: true });
    const attentionNorm = layerNorm(at('input_layernorm'), { width, epsilon });
    const attend = selfAttention({
      ...sizes,
      projections: fusedProjection(
        affine('self_attention.query_key_value', width, 3 * width),
        'grouped',
        sizes,
      ),
      output: affine('self_attention.dense', width, width),
      scale: headWidth ** -0.5,
      bias,
    });
    const mlpNorm = layerNorm(at('post_attention_layernorm'), { width, epsilon });
    const feedForward = mlp(
      affine('mlp.dense_h_to_4h', width, innerWidth),
      act,
      affine('mlp.dense_4h_to_h', innerWidth, width),
    );
    return part('block', [attentionNorm, attend, mlpNorm, feedForward], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const normal = attentionNorm.apply(scope, x);
      const between = scope.site(
        'block_middle',
        add(attend.apply(scope, normal), isResidualNormal ? normal : x),
      );
      const normalBetween = mlpNorm.apply(scope, between);
      const output = feedForward.apply(scope, normalBetween);
      return scope.site('block_output', add(output, isResidualNormal ? normalBetween : between));
    });
  };

  const top = placesUnder(prefix.replace(/\.$/, ''));
  return decoder(read, {
    family: 'bloom',
    sizes,
    shape: {
      ...(isResidualNormal ? { alias: 'the residual stream' } : {}),
      isFused: true,
      isRotary: false,
      scores: alibiScores,
      activation: neuronActivation,
    },
    ends: {
      tokens: `${prefix}word_embeddings`,
      enter: layerNorm(top('word_embeddings_layernorm'), { width, epsilon }),
      norm: layerNorm(top('ln_f'), { width, epsilon }),
      head: read.flag('tie_word_embeddings', true) ? 'tied' : 'lm_head',
    },
    block,
  });
}
