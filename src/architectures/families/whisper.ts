// Whisper: two convolutions turn log-mel features into the encoder's positions, at half their number; a decoder writes the
// text that it hears there. Norms stand before each sublayer, and keys have no bias.

import { gemm } from '../../onnx/contraction.ts';
import { add, equal, where } from '../../onnx/elementwise.ts';
import { concat, reshape, slice, transpose, unsqueeze } from '../../onnx/layout.ts';
import { constant, int32, type Value } from '../../onnx/value.ts';
import { activation } from '../activation.ts';
import {
  type Architecture,
  type BlockScope,
  type EmbedScope,
  type GraphPart,
  type HeadScope,
  type ModelInput,
  tensor,
} from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { crossAttention, memoryPart, withPrefix } from '../crossAttention.ts';
import { neuronActivation } from '../languageModel.ts';
import { embedding, linear } from '../linear.ts';
import { mlp } from '../mlp.ts';
import { type Module, part, placesUnder, type Weighted } from '../module.ts';
import { layerNorm } from '../norms.ts';
import { preNormBlock, preNormDecoderBlock } from '../preNormBlocks.ts';
import { separateProjections } from '../projections.ts';
import { selfAttention } from '../selfAttention.ts';
import { encoderDecoderComponents } from '../stackComponents.ts';

/** Of PyTorch's LayerNorm, which the configuration does not name. */
const epsilon = 1e-5;
/** Positions that a convolution sees, and frames that both see together: the second steps by two. */
const [kernel, seen] = [3, 5];

/** Each position's five frames, one after another; those before the first and behind the last are zero. */
function featureInput(bands: number, positions: number): ModelInput {
  const frames = 2 * positions;
  return {
    kind: 'sound',
    shape: [bands, frames],
    positions,
    width: seen * bands,
    vectors: (data) => {
      const vectors = new Float32Array(positions * seen * bands);
      for (let position = 0; position < positions; position++) {
        for (let tap = 0; tap < seen; tap++) {
          const frame = 2 * position - 2 + tap;
          if (frame < 0 || frame >= frames) continue;
          const at = (position * seen + tap) * bands;
          for (let band = 0; band < bands; band++) vectors[at + band] = data[band * frames + frame] ?? 0;
        }
      }
      return vectors;
    },
  };
}

/** Both convolutions at the encoder's positions, with the activation behind each: [tokens, width]. */
function convolutions(
  bands: number,
  width: number,
): Weighted & { readonly apply: (scope: EmbedScope) => Value } {
  const act = activation('gelu');
  const own = (name: string, inputs: number) => ({
    [`${name}.weight`]: tensor(`model.encoder.${name}.weight`, width, inputs, kernel),
    [`${name}.bias`]: tensor(`model.encoder.${name}.bias`, width),
  });
  return {
    weights: { ...own('conv1', bands), ...own('conv2', width) },
    apply: ({ weight, vectors, positions }) => {
      /** Frames side by side, as the vectors have them: [width, kernel * inputs]. */
      const matrix = (name: string, inputs: number) =>
        reshape(transpose(weight(`${name}.weight`), [0, 2, 1]), [width, kernel * inputs]);
      const first = (tap: number) =>
        act(
          gemm(slice(vectors, 1, tap * bands, (tap + kernel) * bands), matrix('conv1', bands), {
            transposeB: true,
            bias: weight('conv1.bias'),
          }),
        );
      // The second convolution's padding: before the first frame there is nothing, not what the first makes of nothing.
      const isFirst = unsqueeze(equal(positions, int32(0)), [1]);
      const heard = [where(isFirst, constant(0), first(0)), first(1), first(2)];
      return act(
        gemm(concat(heard, 1), matrix('conv2', width), { transposeB: true, bias: weight('conv2.bias') }),
      );
    },
  };
}

export function whisper(read: ConfigurationReader): Architecture {
  const width = read.size('d_model', 384);
  const encoderLayers = read.layerCount('encoder_layers');
  const decoderLayers = read.layerCount('decoder_layers');
  const vocabularySize = read.size('vocab_size', 51865);
  const bands = read.size('num_mel_bins', 80);
  const sourcePositions = read.size('max_source_positions', 1500);
  const maxPositions = read.size('max_target_positions', 448);
  const act = activation(read.text('activation_function', 'gelu'));
  read.refuseUnless('is_encoder_decoder', [true], 'use a model that has both an encoder and a decoder.');
  const isTied = read.flag('tie_word_embeddings', true);
  const input = featureInput(bands, sourcePositions);

  const stack = (name: 'encoder' | 'decoder') => {
    const heads = read.size(`${name}_attention_heads`, 6);
    const headWidth = read.divide(width, heads, `d_model by ${name}_attention_heads`);
    const innerWidth = read.size(`${name}_ffn_dim`, 1536);
    const sizes = { heads, keyValueHeads: heads, headWidth };
    const at = (layer: number) => placesUnder(`model.${name}.layers.${layer}`);
    const square = (layer: number, path: string, bias = true): Module =>
      linear(at(layer)(path), { inputs: width, outputs: width, bias });
    const norm = (layer: number, path: string) => layerNorm(at(layer)(path), { width, epsilon });
    return {
      sizes,
      square,
      norm,
      sublayers: (layer: number) => ({
        attentionNorm: norm(layer, 'self_attn_layer_norm'),
        attention: selfAttention({
          ...sizes,
          projections: separateProjections(
            square(layer, 'self_attn.q_proj'),
            square(layer, 'self_attn.k_proj', false),
            square(layer, 'self_attn.v_proj'),
          ),
          output: square(layer, 'self_attn.out_proj'),
          scale: headWidth ** -0.5,
          isBidirectional: name === 'encoder',
        }),
        mlpNorm: norm(layer, 'final_layer_norm'),
        mlp: mlp(
          linear(at(layer)('fc1'), { inputs: width, outputs: innerWidth, bias: true }),
          act,
          linear(at(layer)('fc2'), { inputs: innerWidth, outputs: width, bias: true }),
        ),
      }),
      final: layerNorm({ name: 'final_norm', path: `model.${name}.layer_norm` }, { width, epsilon }),
      shape: { ...sizes, width, innerWidth, vocabularySize, isRotary: false, activation: neuronActivation },
    };
  };
  const encoder = stack('encoder');
  const decoder = stack('decoder');
  const decoderBlock = (layer: number): GraphPart<BlockScope> =>
    preNormDecoderBlock({
      ...decoder.sublayers(layer),
      crossNorm: decoder.norm(layer, 'encoder_attn_layer_norm'),
      cross: crossAttention({
        ...decoder.sizes,
        query: decoder.square(layer, 'encoder_attn.q_proj'),
        output: decoder.square(layer, 'encoder_attn.out_proj'),
        scale: decoder.sizes.headWidth ** -0.5,
      }),
    });

  const heard = convolutions(bands, width);
  const table = embedding({ name: 'tokens', path: 'model.decoder.embed_tokens' }, vocabularySize, width);
  const places = (name: string, rows: number) =>
    embedding({ name: 'positions', path: `model.${name}.embed_positions` }, rows, width);
  const [sourcePlaces, targetPlaces] = [places('encoder', sourcePositions), places('decoder', maxPositions)];
  const unembedding = linear(
    { name: 'unembedding', path: 'proj_out' },
    { inputs: width, outputs: vocabularySize, bias: false },
    isTied ? 'model.decoder.embed_tokens' : 'proj_out',
  );
  return {
    family: 'whisper',
    modelType: read.modelType,
    layerCount: encoderLayers + decoderLayers,
    width,
    headCount: Math.max(encoder.sizes.heads, decoder.sizes.heads),
    vocabularySize,
    maxPositions,
    isCausal: true,
    presentWidth: 2 * width,
    components: encoderDecoderComponents({
      encoders: [
        {
          prefix: 'encoder.',
          layerCount: encoderLayers,
          shape: {
            ...encoder.shape,
            ends: {
              embedding: 'What the two convolutions make of five frames, before the position is added.',
              logits: '',
            },
          },
        },
      ],
      decoder: { layerCount: decoderLayers, shape: decoder.shape },
    }),
    encoder: {
      layerCount: encoderLayers,
      width,
      maxPositions: sourcePositions,
      input,
      embed: part<EmbedScope>('encoder embed', [heard, sourcePlaces], (outer) => {
        const scope = withPrefix(outer, 'encoder.');
        const embedded = scope.site('embedding_output', heard.apply(scope));
        return add(embedded, sourcePlaces.apply(scope, scope.positions));
      }),
      memory: Array.from({ length: decoderLayers }, (_, layer) =>
        memoryPart(
          decoder.square(layer, 'encoder_attn.k_proj', false),
          decoder.square(layer, 'encoder_attn.v_proj'),
          decoder.sizes,
        ),
      ),
      startToken: read.number('decoder_start_token_id', 50257, 0),
    },
    embed: part<EmbedScope>('embed', [table, targetPlaces], (scope) => {
      const embedded = scope.site('embedding_output', table.apply(scope, scope.tokens));
      return add(embedded, targetPlaces.apply(scope, scope.positions));
    }),
    blocks: [
      ...Array.from({ length: encoderLayers }, (_, layer) =>
        preNormBlock(
          encoder.sublayers(layer),
          'encoder.',
          layer === encoderLayers - 1 ? encoder.final : undefined,
        ),
      ),
      ...Array.from({ length: decoderLayers }, (_, layer) => decoderBlock(layer)),
    ],
    head: part<HeadScope>('head', [decoder.final, unembedding], (scope) => {
      const normal = scope.site('final_norm_output', decoder.final.apply(scope, scope.hidden));
      return scope.site('logits', unembedding.apply(scope, normal));
    }),
    ...(isTied ? { tied: { table: 'model.decoder.embed_tokens.weight', head: 'proj_out.weight' } } : {}),
    ignoredTensors: [],
  };
}
