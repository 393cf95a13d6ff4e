// OPT: learned positions counted from 2, relu; the 350M model has its norms behind the sublayers and embeddings narrower
// than its residual stream.

import { add } from '../../onnx/elementwise.ts';
import { identity } from '../../onnx/layout.ts';
import { int32 } from '../../onnx/value.ts';
import { activation } from '../activation.ts';
import type { Architecture, BlockScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { type DecoderSizes, decoder, neuronActivation } from '../languageModel.ts';
import { embedding, linear } from '../linear.ts';
import { threeProjections } from '../llamaWords.ts';
import { mlp } from '../mlp.ts';
import { part, placesUnder, prefixOf } from '../module.ts';
import { layerNorm } from '../norms.ts';
import { selfAttention } from '../selfAttention.ts';

/** Rows of the position table before that of position 0. */
const offset = 2;
const epsilon = 1e-5;

/** @param names of the tensors in the checkpoint: older saves leave out the prefix `model.` */
export function opt(read: ConfigurationReader, names: ReadonlySet<string>): Architecture {
  const width = read.size('hidden_size');
  const heads = read.size('num_attention_heads');
  const sizes: DecoderSizes = {
    width,
    layerCount: read.layerCount('num_hidden_layers'),
    heads,
    keyValueHeads: heads,
    headWidth: read.divide(width, heads, 'hidden_size by num_attention_heads'),
    innerWidth: read.size('ffn_dim', 3072),
    vocabularySize: read.size('vocab_size'),
    maxPositions: read.size('max_position_embeddings', 2048),
    embeddingWidth: read.size('word_embed_proj_dim', width),
  };
  const { innerWidth, headWidth, maxPositions, embeddingWidth = width } = sizes;
  const act = activation(read.text('activation_function', 'relu'));
  const isPostNorm = !read.flag('do_layer_norm_before', true);
  const hasFinalNorm = !isPostNorm && !read.flag('_remove_final_layer_norm', false);
  const bias = read.flag('enable_bias', true);
  read.refuseUnless('layer_norm_elementwise_affine', [true], 'use a model whose norms have weights.');
  const prefix = prefixOf(names, 'decoder.embed_tokens.weight', ['model.', '']);
  const top = placesUnder(`${prefix}decoder`);

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`${prefix}decoder.layers.${layer}`);
    const attentionNorm = layerNorm(at('self_attn_layer_norm'), { width, epsilon });
    const attend = selfAttention({
      ...sizes,
      projections: threeProjections(at, sizes, bias),
      output: linear(at('self_attn.out_proj'), { inputs: width, outputs: width, bias }),
      scale: headWidth ** -0.5,
    });
    const mlpNorm = layerNorm(at('final_layer_norm'), { width, epsilon });
    const feedForward = mlp(
      linear(at('fc1'), { inputs: width, outputs: innerWidth, bias }),
      act,
      linear(at('fc2'), { inputs: innerWidth, outputs: width, bias }),
    );
    return part('block', [attentionNorm, attend, mlpNorm, feedForward], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      if (isPostNorm) {
        const between = scope.site(
          'block_middle',
          attentionNorm.apply(scope, add(x, attend.apply(scope, x))),
        );
        // A value of its own, so that the gradient at the MLP's input is of what the MLP makes of it alone.
        const added = add(between, feedForward.apply(scope, identity(between)));
        return scope.site('block_output', mlpNorm.apply(scope, added));
      }
      const between = scope.site('block_middle', add(x, attend.apply(scope, attentionNorm.apply(scope, x))));
      const output = feedForward.apply(scope, mlpNorm.apply(scope, between));
      return scope.site('block_output', add(between, output));
    });
  };

  const isProjected = embeddingWidth !== width;
  const positions = embedding(top('embed_positions'), maxPositions + offset, width);
  const inward = linear(top('project_in'), { inputs: embeddingWidth, outputs: width, bias: false });
  const outward = linear(top('project_out'), { inputs: width, outputs: embeddingWidth, bias: false });
  return decoder(read, {
    family: 'opt',
    sizes,
    shape: { isRotary: false, isPostNorm, activation: neuronActivation },
    ends: {
      tokens: `${prefix}decoder.embed_tokens`,
      enter: {
        weights: { ...positions.weights, ...(isProjected ? inward.weights : {}) },
        apply: (scope, embedded) =>
          add(
            isProjected ? inward.apply(scope, embedded) : embedded,
            positions.apply(scope, add(scope.positions, int32(offset))),
          ),
      },
      ...(hasFinalNorm ? { norm: layerNorm(top('final_layer_norm'), { width, epsilon }) } : {}),
      ...(isProjected ? { leave: outward } : {}),
      head: read.flag('tie_word_embeddings', true) ? 'tied' : 'lm_head',
    },
    block,
  });
}
