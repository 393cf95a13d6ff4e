// T5: an encoder and a decoder without biases, RMS norms before each sublayer, scores that are not scaled, and positions only as
// a bias by distance that all layers of a stack share.

import { mul } from '../../onnx/elementwise.ts';
import { constant } from '../../onnx/value.ts';
import { activation } from '../activation.ts';
import { alibiScores } from '../alibi.ts';
import {
  type Architecture,
  type BlockScope,
  type EmbedScope,
  type GraphPart,
  type HeadScope,
  UnsupportedModelError,
} from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { crossAttention, memoryPart, withPrefix } from '../crossAttention.ts';
import { gateActivation, neuronActivation } from '../languageModel.ts';
import { embedding, linear } from '../linear.ts';
import { gatedMlp, mlp } from '../mlp.ts';
import { type Module, part, placesUnder } from '../module.ts';
import { rmsNorm } from '../norms.ts';
import { preNormBlock, preNormDecoderBlock } from '../preNormBlocks.ts';
import { separateProjections } from '../projections.ts';
import { relativeBias } from '../relativeBias.ts';
import { selfAttention } from '../selfAttention.ts';
import { encoderDecoderComponents } from '../stackComponents.ts';

/** Positions are only told apart by distance, so their number has no bound; this one bounds the memory. */
const mostPositions = 4096;

interface Inner {
  readonly isGated: boolean;
  readonly act: string;
}

/** `relu`, or `gated-gelu`, which means the tanh form. */
function innerOf(read: ConfigurationReader): Inner {
  const words = read.text('feed_forward_proj', 'relu');
  const [first = '', second, ...rest] = words.split('-');
  if (rest.length > 0 || (second !== undefined && first !== 'gated')) {
    throw new UnsupportedModelError(
      `config.json of this ${read.modelType} model needs 'feed_forward_proj' to be an activation, or 'gated-' and one; it is '${words}'.`,
    );
  }
  // What a saved file says of the two by name wins over what follows from the words.
  return {
    isGated: read.flag('is_gated_act', second !== undefined),
    act: read.text('dense_act_fn', words === 'gated-gelu' ? 'gelu_new' : (second ?? first)),
  };
}

/** @param names of the tensors in the checkpoint */
export function t5(read: ConfigurationReader, names: ReadonlySet<string>): Architecture {
  const width = read.size('d_model', 512);
  const heads = read.size('num_heads', 8);
  const headWidth = read.size('d_kv', 64);
  const innerWidth = read.size('d_ff', 2048);
  const vocabularySize = read.size('vocab_size', 32128);
  const encoderLayers = read.has('num_layers') ? read.layerCount('num_layers') : 6;
  const decoderLayers = read.has('num_decoder_layers')
    ? read.layerCount('num_decoder_layers')
    : encoderLayers;
  const epsilon = read.number('layer_norm_epsilon', 1e-6, 0);
  const { isGated, act: actName } = innerOf(read);
  const act = activation(actName);
  const buckets = read.size('relative_attention_num_buckets', 32);
  const furthest = read.size('relative_attention_max_distance', 128);
  if (buckets < 4 || furthest <= Math.floor(buckets / 2))
    throw new UnsupportedModelError(
      `config.json of this ${read.modelType} model needs 'relative_attention_num_buckets' to be 4 or more, and 'relative_attention_max_distance' more than half of it; they are ${buckets} and ${furthest}.`,
    );
  read.refuseUnless('is_encoder_decoder', [true], 'use a model that has both an encoder and a decoder.');
  // Only old files say so of the unembedding, and mean the scaling by it: it is the file's own where there is one.
  const isScaled = read.flag('scale_decoder_outputs', read.flag('tie_word_embeddings', true));
  const isTied = ![...names].some((name) => /(^|\.)lm_head\.weight$/.test(name));
  const sizes = { heads, keyValueHeads: heads, headWidth };
  const inner = heads * headWidth;

  const stack = (name: 'encoder' | 'decoder') => {
    const bias = relativeBias(`${name}.block.0.layer.0.SelfAttention.relative_attention_bias`, heads, {
      count: buckets,
      furthest,
      isBidirectional: name === 'encoder',
    });
    const matrix = (path: string, own: string, inputs: number, outputs: number) =>
      linear(placesUnder(path)(own), { inputs, outputs, bias: false });
    return {
      norm: (path: string) => rmsNorm({ name: `${path.split('.').at(-2)}.norm`, path }, { width, epsilon }),
      attention: (path: string) =>
        selfAttention({
          ...sizes,
          projections: separateProjections(
            matrix(path, 'q', width, inner),
            matrix(path, 'k', width, inner),
            matrix(path, 'v', width, inner),
          ),
          output: matrix(path, 'o', inner, width),
          scale: 1,
          bias,
          isBidirectional: name === 'encoder',
        }),
      feedForward: (path: string): Module =>
        isGated
          ? gatedMlp(
              matrix(path, 'wi_0', width, innerWidth),
              matrix(path, 'wi_1', width, innerWidth),
              act,
              matrix(path, 'wo', innerWidth, width),
            )
          : mlp(matrix(path, 'wi', width, innerWidth), act, matrix(path, 'wo', innerWidth, width)),
      final: rmsNorm({ name: 'final_norm', path: `${name}.final_layer_norm` }, { width, epsilon }),
    };
  };
  const encoder = stack('encoder');
  const decoder = stack('decoder');

  const encoderBlock = (layer: number): GraphPart<BlockScope> => {
    const at = (sublayer: string) => `encoder.block.${layer}.layer.${sublayer}`;
    const sublayers = {
      attentionNorm: encoder.norm(at('0.layer_norm')),
      attention: encoder.attention(at('0.SelfAttention')),
      mlpNorm: encoder.norm(at('1.layer_norm')),
      mlp: encoder.feedForward(at('1.DenseReluDense')),
    };
    return preNormBlock(sublayers, 'encoder.', layer === encoderLayers - 1 ? encoder.final : undefined);
  };

  const cross = (layer: number, name: string, inputs: number, outputs: number) =>
    linear(
      { name: `cross.${name}`, path: `decoder.block.${layer}.layer.1.EncDecAttention.${name}` },
      { inputs, outputs, bias: false },
    );
  const decoderBlock = (layer: number): GraphPart<BlockScope> => {
    const at = (sublayer: string) => `decoder.block.${layer}.layer.${sublayer}`;
    const query = cross(layer, 'q', width, inner);
    return preNormDecoderBlock({
      attentionNorm: decoder.norm(at('0.layer_norm')),
      attention: decoder.attention(at('0.SelfAttention')),
      crossNorm: decoder.norm(at('1.layer_norm')),
      cross: crossAttention({ ...sizes, query, output: cross(layer, 'o', inner, width), scale: 1 }),
      mlpNorm: decoder.norm(at('2.layer_norm')),
      mlp: decoder.feedForward(at('2.DenseReluDense')),
    });
  };

  const table = embedding({ name: 'tokens', path: 'shared' }, vocabularySize, width);
  const unembedding = linear(
    { name: 'unembedding', path: 'lm_head' },
    { inputs: width, outputs: vocabularySize, bias: false },
    isTied ? 'shared' : 'lm_head',
  );
  const embed = (prefix: string) =>
    part<EmbedScope>('embed', [table], (scope) =>
      withPrefix(scope, prefix).site('embedding_output', table.apply(scope, scope.tokens)),
    );
  const shape = {
    ...sizes,
    width,
    innerWidth,
    vocabularySize,
    isRotary: false,
    scores: alibiScores,
    activation: isGated ? gateActivation : neuronActivation,
  };
  return {
    family: 't5',
    modelType: read.modelType,
    layerCount: encoderLayers + decoderLayers,
    width,
    headCount: heads,
    vocabularySize,
    maxPositions: mostPositions,
    isCausal: true,
    presentWidth: 2 * inner,
    components: encoderDecoderComponents({
      encoders: [{ prefix: 'encoder.', layerCount: encoderLayers, shape }],
      decoder: { layerCount: decoderLayers, shape },
    }),
    encoder: {
      layerCount: encoderLayers,
      width,
      maxPositions: mostPositions,
      embed: { ...embed('encoder.'), key: 'encoder embed' },
      memory: Array.from({ length: decoderLayers }, (_, layer) =>
        memoryPart(cross(layer, 'k', width, inner), cross(layer, 'v', width, inner), sizes),
      ),
      startToken: read.number('decoder_start_token_id', read.number('pad_token_id', 0, 0), 0),
    },
    embed: embed(''),
    blocks: [
      ...Array.from({ length: encoderLayers }, (_, layer) => encoderBlock(layer)),
      ...Array.from({ length: decoderLayers }, (_, layer) => decoderBlock(layer)),
    ],
    head: part<HeadScope>('head', [decoder.final, unembedding], (scope) => {
      const { site, hidden } = scope;
      const normal = site('final_norm_output', decoder.final.apply(scope, hidden));
      const scaled = isScaled ? mul(normal, constant(width ** -0.5)) : normal;
      return site('logits', unembedding.apply(scope, scaled));
    }),
    // Copies of the shared table, and a bias of cross-attention that old files hold and nothing reads.
    ignoredTensors: [
      /(^|\.)(encoder|decoder)\.embed_tokens\.weight$/,
      /(^|\.)EncDecAttention\.relative_attention_bias\.weight$/,
    ],
  };
}
