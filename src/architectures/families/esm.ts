// ESM, the protein language model: BERT with its norms before the sublayers and rotary positions. The embedding of a masked
// residue is zero, and the others make up for it.

import { add, cast, div, equal, maximum, mul, sub, where } from '../../onnx/elementwise.ts';
import { unsqueeze } from '../../onnx/layout.ts';
import { cumulativeSum, reduceSum } from '../../onnx/reduction.ts';
import { constant, int32, type Value } from '../../onnx/value.ts';
import { activation } from '../activation.ts';
import type { Architecture, BlockScope, EmbedScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { type DecoderSizes, encoder, neuronActivation } from '../languageModel.ts';
import { embedding, linear } from '../linear.ts';
import { mlp } from '../mlp.ts';
import { type Place, part, placesUnder } from '../module.ts';
import { layerNorm, normWords } from '../norms.ts';
import { separateProjections } from '../projections.ts';
import { readWholeRotary } from '../rotaryConfiguration.ts';
import { selfAttention } from '../selfAttention.ts';
import { positionsBehindPadding, predictionTransform } from './bert.ts';

/** Share of residues that are masked in training and shown as the mask. */
const trainedShare = 0.15 * 0.8;

/**
 * Masked residues set to zero, and all scaled by the share that training left over the share that the sequence leaves.
 * @param embedded [tokens, width]
 */
function dropMasked({ tokens, positions, lengths }: EmbedScope, embedded: Value, mask: number): Value {
  const isMask = equal(tokens, int32(mask));
  // Sequences lie one after another, each from its position 0 on.
  const sequence = cumulativeSum(cast(equal(positions, int32(0)), 'float32'), 0);
  const isSame = cast(equal(unsqueeze(sequence, [1]), unsqueeze(sequence, [0])), 'float32');
  const count = reduceSum(mul(isSame, unsqueeze(cast(isMask, 'float32'), [0])), { axes: [1] });
  const length = unsqueeze(cast(maximum(lengths, int32(1)), 'float32'), [1]);
  const shown = where(unsqueeze(isMask, [1]), constant(0), embedded);
  return div(mul(shown, constant(1 - trainedShare)), sub(constant(1), div(count, length)));
}

/** @param names of the tensors in the checkpoint: newer saves call the parameters of some norms `gamma` and `beta` */
export function esm(read: ConfigurationReader, names: ReadonlySet<string>): Architecture {
  const width = read.size('hidden_size');
  const heads = read.size('num_attention_heads');
  const table = read.size('max_position_embeddings', 1026);
  const padding = read.number('pad_token_id', 1, 0);
  const type = read.text('position_embedding_type', 'absolute');
  read.refuseUnless('position_embedding_type', ['absolute', 'rotary'], 'use a model with one of the two.');
  const isRotary = type === 'rotary';
  const sizes: DecoderSizes = {
    width,
    layerCount: read.layerCount('num_hidden_layers'),
    heads,
    keyValueHeads: heads,
    headWidth: read.divide(width, heads, 'hidden_size by num_attention_heads'),
    innerWidth: read.size('intermediate_size', 3072),
    vocabularySize: read.size('vocab_size'),
    maxPositions: isRotary ? table : table - padding - 1,
  };
  const { innerWidth, headWidth, maxPositions } = sizes;
  const epsilon = read.number('layer_norm_eps', 1e-12, 0);
  const hasEmbeddingNorm = read.flag('emb_layer_norm_before', false);
  const mask = read.flag('token_dropout', false) ? read.number('mask_token_id', undefined, 0) : undefined;
  const act = activation('gelu');
  const rotary = isRotary ? { rotary: readWholeRotary(read, { headWidth, maxPositions }) } : {};
  read.refuseUnless('is_decoder', [false], 'use a model that is an encoder.');
  read.refuseUnless('add_cross_attention', [false], 'use a model that is an encoder.');
  read.refuseUnless('is_folding_model', [false], 'use the language model without the folding head.');
  const norm = (place: Place) => layerNorm(place, { width, epsilon, words: normWords(names, place.path) });

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`esm.encoder.layer.${layer}`);
    const affine = (name: string, inputs: number, outputs: number) =>
      linear(at(name), { inputs, outputs, bias: true });
    const square = (name: string) => affine(`attention.${name}`, width, width);
    const attentionNorm = norm(at('attention.LayerNorm'));
    const attend = selfAttention({
      ...sizes,
      ...rotary,
      projections: separateProjections(square('self.query'), square('self.key'), square('self.value')),
      output: square('output.dense'),
      scale: headWidth ** -0.5,
      isBidirectional: true,
    });
    const mlpNorm = norm(at('LayerNorm'));
    const feedForward = mlp(
      affine('intermediate.dense', width, innerWidth),
      act,
      affine('output.dense', innerWidth, width),
    );
    return part('block', [attentionNorm, attend, mlpNorm, feedForward], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const between = scope.site('block_middle', add(attend.apply(scope, attentionNorm.apply(scope, x)), x));
      const output = feedForward.apply(scope, mlpNorm.apply(scope, between));
      return scope.site('block_output', add(output, between));
    });
  };

  const at = placesUnder('esm.embeddings');
  const positions = embedding(at('position_embeddings'), table, width);
  const embeddingNorm = norm(at('layer_norm'));
  const isTied = read.flag('tie_word_embeddings', true);
  const head = placesUnder('lm_head');
  const dense = linear(head('dense'), { inputs: width, outputs: width, bias: true });
  return encoder(read, {
    family: 'esm',
    sizes,
    shape: { isRotary, activation: neuronActivation },
    ends: {
      tokens: 'esm.embeddings.word_embeddings',
      enter: {
        weights: {
          ...(isRotary ? {} : positions.weights),
          ...(hasEmbeddingNorm ? embeddingNorm.weights : {}),
        },
        apply: (scope, embedded) => {
          const shown = mask === undefined ? embedded : dropMasked(scope, embedded, mask);
          const placed = isRotary
            ? shown
            : add(shown, positions.apply(scope, positionsBehindPadding(scope, padding)));
          return hasEmbeddingNorm ? embeddingNorm.apply(scope, placed) : placed;
        },
      },
      norm: norm(placesUnder('esm.encoder')('emb_layer_norm_after')),
      leave: predictionTransform(dense, act, norm(head('layer_norm'))),
      head: isTied ? 'tied' : 'lm_head.decoder',
      ownHead: 'lm_head.decoder',
      headBias: 'lm_head',
      ignored: [
        /(^|\.)(contact_head|pooler)\./,
        /\.position_ids$/,
        ...(isRotary ? [/(^|\.)embeddings\.position_embeddings\.weight$/] : []),
      ],
    },
    block,
  });
}
