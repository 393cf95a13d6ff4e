// BLIP as it writes captions: a ViT whose patches a text decoder reads by cross-attention. The text's norms stand behind its
// sublayers, as BERT's do.

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import {
  type Architecture,
  type BlockScope,
  type EmbedScope,
  type GraphPart,
  type HeadScope,
  UnsupportedModelError,
} from '../architecture.ts';
import { ConfigurationReader } from '../configuration.ts';
import { crossAttention, memoryPart, withPrefix } from '../crossAttention.ts';
import { neuronActivation } from '../languageModel.ts';
import { embedding, linear } from '../linear.ts';
import { mlp } from '../mlp.ts';
import { part, placesUnder } from '../module.ts';
import { layerNorm } from '../norms.ts';
import { imageInput, patchEmbedding, readPatches } from '../patches.ts';
import { preNormBlock } from '../preNormBlocks.ts';
import { fusedProjection, separateProjections } from '../projections.ts';
import { selfAttention } from '../selfAttention.ts';
import { encoderDecoderComponents } from '../stackComponents.ts';
import { predictionTransform } from './bert.ts';

/** The part of the configuration that describes one of the two stacks. */
function sectionOf(read: ConfigurationReader, name: string): ConfigurationReader {
  return new ConfigurationReader({ ...read.section(name), model_type: `${read.modelType} (${name})` });
}

function visionStack(read: ConfigurationReader) {
  const width = read.size('hidden_size', 768);
  const layerCount = read.has('num_hidden_layers') ? read.layerCount('num_hidden_layers') : 12;
  const heads = read.size('num_attention_heads', 12);
  const headWidth = read.divide(width, heads, 'hidden_size by num_attention_heads');
  const innerWidth = read.size('intermediate_size', 3072);
  const epsilon = read.number('layer_norm_eps', 1e-5, 0);
  const act = activation(read.text('hidden_act', 'gelu'));
  const patches = readPatches(read, { image: 384, patch: 16 });
  const sizes = { heads, keyValueHeads: heads, headWidth };
  const input = imageInput(patches);
  const final = layerNorm({ name: 'final_norm', path: 'vision_model.post_layernorm' }, { width, epsilon });
  const embedding = patchEmbedding(
    {
      patches: 'vision_model.embeddings.patch_embedding',
      classToken: 'vision_model.embeddings.class_embedding',
      positions: 'vision_model.embeddings.position_embedding',
    },
    patches,
    width,
  );
  return {
    width,
    layerCount,
    input,
    embed: part<EmbedScope>('vision embed', [embedding], (outer) => {
      const scope = withPrefix(outer, 'vision.');
      return embedding.place(scope, scope.site('embedding_output', embedding.embed(scope)));
    }),
    block: (layer: number): GraphPart<BlockScope> => {
      const at = placesUnder(`vision_model.encoder.layers.${layer}`);
      const affine = (name: string, inputs: number, outputs: number) =>
        linear(at(name), { inputs, outputs, bias: true });
      const sublayers = {
        attentionNorm: layerNorm(at('layer_norm1'), { width, epsilon }),
        attention: selfAttention({
          ...sizes,
          projections: fusedProjection(affine('self_attn.qkv', width, 3 * width), 'whole', sizes),
          output: affine('self_attn.projection', width, width),
          scale: headWidth ** -0.5,
          isBidirectional: true,
        }),
        mlpNorm: layerNorm(at('layer_norm2'), { width, epsilon }),
        mlp: mlp(affine('mlp.fc1', width, innerWidth), act, affine('mlp.fc2', innerWidth, width)),
      };
      return preNormBlock(sublayers, 'vision.', layer === layerCount - 1 ? final : undefined);
    },
    shape: {
      ...sizes,
      width,
      innerWidth,
      isFused: true,
      isRotary: false,
      activation: neuronActivation,
      ends: {
        embedding:
          'What is made of a patch’s pixels, before its position is added; at position 0 the class token.',
        logits: '',
      },
    },
  };
}

function textStack(read: ConfigurationReader, memoryWidth: number) {
  const base = 'text_decoder.bert';
  const width = read.size('hidden_size', 768);
  const layerCount = read.has('num_hidden_layers') ? read.layerCount('num_hidden_layers') : 12;
  const heads = read.size('num_attention_heads', 8);
  const headWidth = read.divide(width, heads, 'hidden_size by num_attention_heads');
  const innerWidth = read.size('intermediate_size', 3072);
  const vocabularySize = read.size('vocab_size', 30524);
  const maxPositions = read.size('max_position_embeddings', 512);
  const epsilon = read.number('layer_norm_eps', 1e-12, 0);
  const act = activation(read.text('hidden_act', 'gelu'));
  read.refuseUnless('is_decoder', [true], 'use a model that writes captions.');
  const isTied = read.flag('tie_word_embeddings', true);
  const sizes = { heads, keyValueHeads: heads, headWidth };
  const scale = headWidth ** -0.5;
  const norm = (path: string) =>
    layerNorm({ name: path.replace(/^.*layer\.\d+\./, ''), path }, { width, epsilon });
  const own = (layer: number) => `${base}.encoder.layer.${layer}`;
  const affine = (layer: number, name: string, inputs = width, outputs = width) =>
    linear(placesUnder(own(layer))(name), { inputs, outputs, bias: true });

  const block = (layer: number): GraphPart<BlockScope> => {
    const attention = selfAttention({
      ...sizes,
      projections: separateProjections(
        affine(layer, 'attention.self.query'),
        affine(layer, 'attention.self.key'),
        affine(layer, 'attention.self.value'),
      ),
      output: affine(layer, 'attention.output.dense'),
      scale,
    });
    const attentionNorm = norm(`${own(layer)}.attention.output.LayerNorm`);
    const cross = crossAttention({
      ...sizes,
      query: affine(layer, 'crossattention.self.query'),
      output: affine(layer, 'crossattention.output.dense'),
      scale,
    });
    const crossNorm = norm(`${own(layer)}.crossattention.output.LayerNorm`);
    const feedForward = mlp(
      affine(layer, 'intermediate.dense', width, innerWidth),
      act,
      affine(layer, 'output.dense', innerWidth, width),
    );
    const mlpNorm = norm(`${own(layer)}.output.LayerNorm`);
    const modules = [attention, attentionNorm, cross, crossNorm, feedForward, mlpNorm];
    return part('block', modules, (scope) => {
      const { site, hidden } = scope;
      const x = site('block_input', hidden);
      const first = site('cross_block_input', attentionNorm.apply(scope, add(attention.apply(scope, x), x)));
      const second = site('block_middle', crossNorm.apply(scope, add(cross.apply(scope, first), first)));
      return site('block_output', mlpNorm.apply(scope, add(feedForward.apply(scope, second), second)));
    });
  };

  const at = placesUnder(`${base}.embeddings`);
  const table = embedding({ name: 'tokens', path: at('word_embeddings').path }, vocabularySize, width);
  const places = embedding(at('position_embeddings'), maxPositions, width);
  const embeddingNorm = norm(at('LayerNorm').path);
  const head = placesUnder('text_decoder.cls.predictions');
  const dense = linear(
    { name: 'transform', path: head('transform.dense').path },
    { inputs: width, outputs: width, bias: true },
  );
  const transformNorm = layerNorm(
    { name: 'transform_norm', path: head('transform.LayerNorm').path },
    { width, epsilon },
  );
  const transform = predictionTransform(dense, act, transformNorm);
  const ownHead = head('decoder').path;
  const unembedding = linear(
    { name: 'unembedding', path: 'text_decoder.cls.predictions' },
    { inputs: width, outputs: vocabularySize, bias: true },
    isTied ? at('word_embeddings').path : ownHead,
  );
  return {
    width,
    layerCount,
    heads,
    vocabularySize,
    maxPositions,
    block,
    embed: part<EmbedScope>('embed', [table, places, embeddingNorm], (scope) => {
      const embedded = scope.site('embedding_output', table.apply(scope, scope.tokens));
      return embeddingNorm.apply(scope, add(embedded, places.apply(scope, scope.positions)));
    }),
    memory: (layer: number) =>
      memoryPart(
        affine(layer, 'crossattention.self.key', memoryWidth),
        affine(layer, 'crossattention.self.value', memoryWidth),
        sizes,
      ),
    head: part<HeadScope>('head', [transform, unembedding], (scope) => {
      const normal = scope.site('final_norm_output', scope.hidden);
      return scope.site('logits', unembedding.apply(scope, transform.apply(scope, normal)));
    }),
    ...(isTied ? { tied: { table: `${at('word_embeddings').path}.weight`, head: `${ownHead}.weight` } } : {}),
    startToken: read.number('bos_token_id', 30522, 0),
    endToken: read.number('sep_token_id', 102, 0),
    shape: {
      ...sizes,
      width,
      innerWidth,
      vocabularySize,
      isRotary: false,
      isPostNorm: true,
      activation: neuronActivation,
    },
  };
}

/** @param names of the tensors in the checkpoint: they tell which of BLIP's models it is */
export function blip(read: ConfigurationReader, names: ReadonlySet<string>): Architecture {
  if ([...names].some((name) => name.startsWith('text_encoder.') || name.startsWith('itm_head.'))) {
    throw new UnsupportedModelError(
      'This BLIP model has a text encoder beside the picture’s, for questions or for matching, which Patchbay does not run; use one that writes captions.',
    );
  }
  const vision = visionStack(sectionOf(read, 'vision_config'));
  const text = textStack(sectionOf(read, 'text_config'), vision.width);
  const layers = { vision: vision.layerCount, text: text.layerCount };
  return {
    family: 'blip',
    modelType: read.modelType,
    layerCount: layers.vision + layers.text,
    width: text.width,
    headCount: Math.max(text.heads, vision.shape.heads),
    vocabularySize: text.vocabularySize,
    maxPositions: text.maxPositions,
    isCausal: true,
    presentWidth: 2 * text.width,
    components: encoderDecoderComponents({
      encoder: { prefix: 'vision.', layerCount: layers.vision, shape: vision.shape },
      decoder: { layerCount: layers.text, shape: text.shape },
    }),
    encoder: {
      layerCount: layers.vision,
      width: vision.width,
      maxPositions: vision.input.positions,
      input: vision.input,
      embed: vision.embed,
      memory: Array.from({ length: layers.text }, (_, layer) => text.memory(layer)),
      startToken: text.startToken,
      endToken: text.endToken,
    },
    embed: text.embed,
    blocks: [
      ...Array.from({ length: layers.vision }, (_, layer) => vision.block(layer)),
      ...Array.from({ length: layers.text }, (_, layer) => text.block(layer)),
    ],
    head: text.head,
    ...(text.tied ? { tied: text.tied } : {}),
    ignoredTensors: [/\.position_ids$/, /(^|\.)cls\.predictions\.decoder\.bias$/],
  };
}
