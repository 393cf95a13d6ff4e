// DistilBERT: BERT's block without kinds of tokens, under other names.

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import type { Architecture, BlockScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { type DecoderSizes, encoder, neuronActivation } from '../languageModel.ts';
import { embedding, linear } from '../linear.ts';
import { mlp } from '../mlp.ts';
import { type Place, part, placesUnder } from '../module.ts';
import { layerNorm, normWords } from '../norms.ts';
import { separateProjections } from '../projections.ts';
import { selfAttention } from '../selfAttention.ts';
import { predictionTransform } from './bert.ts';

const epsilon = 1e-12;

/** @param names of the tensors in the checkpoint */
export function distilBert(read: ConfigurationReader, names: ReadonlySet<string>): Architecture {
  const width = read.size('dim', 768);
  const heads = read.size('n_heads', 12);
  const sizes: DecoderSizes = {
    width,
    layerCount: read.layerCount('n_layers'),
    heads,
    keyValueHeads: heads,
    headWidth: read.divide(width, heads, 'dim by n_heads'),
    innerWidth: read.size('hidden_dim', 4 * width),
    vocabularySize: read.size('vocab_size'),
    maxPositions: read.size('max_position_embeddings', 512),
  };
  const { innerWidth, headWidth, maxPositions } = sizes;
  const act = activation(read.text('activation', 'gelu'));
  const norm = (place: Place) => layerNorm(place, { width, epsilon, words: normWords(names, place.path) });

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`distilbert.transformer.layer.${layer}`);
    const affine = (name: string, inputs: number, outputs: number) =>
      linear(at(name), { inputs, outputs, bias: true });
    const square = (name: string) => affine(`attention.${name}`, width, width);
    const attend = selfAttention({
      ...sizes,
      projections: separateProjections(square('q_lin'), square('k_lin'), square('v_lin')),
      output: square('out_lin'),
      scale: headWidth ** -0.5,
      isBidirectional: true,
    });
    const attentionNorm = norm(at('sa_layer_norm'));
    const feedForward = mlp(
      affine('ffn.lin1', width, innerWidth),
      act,
      affine('ffn.lin2', innerWidth, width),
    );
    const mlpNorm = norm(at('output_layer_norm'));
    return part('block', [attend, attentionNorm, feedForward, mlpNorm], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const between = scope.site('block_middle', attentionNorm.apply(scope, add(attend.apply(scope, x), x)));
      const output = feedForward.apply(scope, between);
      return scope.site('block_output', mlpNorm.apply(scope, add(output, between)));
    });
  };

  const at = placesUnder('distilbert.embeddings');
  // The table is in the file whether it was learned or made of sines.
  const positions = embedding(at('position_embeddings'), maxPositions, width);
  const embeddingNorm = norm(at('LayerNorm'));
  const isTied = read.flag('tie_word_embeddings', true);
  const dense = linear(placesUnder('')('vocab_transform'), { inputs: width, outputs: width, bias: true });
  return encoder(read, {
    family: 'distilbert',
    sizes,
    shape: { isRotary: false, isPostNorm: true, activation: neuronActivation },
    ends: {
      tokens: 'distilbert.embeddings.word_embeddings',
      enter: {
        weights: { ...positions.weights, ...embeddingNorm.weights },
        apply: (scope, embedded) =>
          embeddingNorm.apply(scope, add(embedded, positions.apply(scope, scope.positions))),
      },
      leave: predictionTransform(dense, act, norm(placesUnder('')('vocab_layer_norm'))),
      head: isTied ? 'tied' : 'vocab_projector',
      ownHead: 'vocab_projector',
      headBias: 'vocab_projector',
      ignored: [/\.position_ids$/],
    },
    block,
  });
}
