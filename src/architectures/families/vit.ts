// ViT: a picture's patches as the positions of an encoder, a class token before them, and a classifier that reads the class
// token's state.

import { activation } from '../activation.ts';
import {
  type Architecture,
  type BlockScope,
  type EmbedScope,
  type GraphPart,
  type HeadScope,
  UnsupportedModelError,
} from '../architecture.ts';
import { decoderComponents } from '../components.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { neuronActivation } from '../languageModel.ts';
import { linear } from '../linear.ts';
import { mlp } from '../mlp.ts';
import { part, placesUnder } from '../module.ts';
import { layerNorm } from '../norms.ts';
import { imageInput, patchEmbedding, readPatches } from '../patches.ts';
import { preNormBlock } from '../preNormBlocks.ts';
import { separateProjections } from '../projections.ts';
import { selfAttention } from '../selfAttention.ts';

/** Names of the classes in the order of the logits. */
function labelsOf(read: ConfigurationReader): readonly string[] {
  const named = Object.entries(read.section('id2label') ?? { 0: 'LABEL_0', 1: 'LABEL_1' });
  const labels = named.map((_, id) => named.find(([key]) => Number(key) === id)?.[1]);
  if (labels.length > 0 && labels.every((label) => typeof label === 'string')) return labels;
  throw new UnsupportedModelError(
    `config.json of this ${read.modelType} model needs 'id2label' to name each class by its number, from 0 on.`,
  );
}

export function vit(read: ConfigurationReader): Architecture {
  const width = read.size('hidden_size', 768);
  const layerCount = read.layerCount('num_hidden_layers');
  const heads = read.size('num_attention_heads', 12);
  const headWidth = read.divide(width, heads, 'hidden_size by num_attention_heads');
  const innerWidth = read.size('intermediate_size', 3072);
  const epsilon = read.number('layer_norm_eps', 1e-12, 0);
  const act = activation(read.text('hidden_act', 'gelu'));
  const bias = read.flag('qkv_bias', true);
  const patches = readPatches(read, { image: 224, patch: 16 });
  const labels = labelsOf(read);
  const input = imageInput(patches);
  const attentionShape = { heads, keyValueHeads: heads, headWidth };

  const embedding = patchEmbedding(
    {
      patches: 'vit.embeddings.patch_embeddings.projection',
      classToken: 'vit.embeddings.cls_token',
      positions: 'vit.embeddings.position_embeddings',
    },
    patches,
    width,
  );
  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`vit.encoder.layer.${layer}`);
    const square = (name: string, hasBias: boolean) =>
      linear(at(name), { inputs: width, outputs: width, bias: hasBias });
    return preNormBlock({
      attentionNorm: layerNorm(at('layernorm_before'), { width, epsilon }),
      attention: selfAttention({
        ...attentionShape,
        projections: separateProjections(
          square('attention.attention.query', bias),
          square('attention.attention.key', bias),
          square('attention.attention.value', bias),
        ),
        output: square('attention.output.dense', true),
        scale: headWidth ** -0.5,
        isBidirectional: true,
      }),
      mlpNorm: layerNorm(at('layernorm_after'), { width, epsilon }),
      mlp: mlp(
        linear(at('intermediate.dense'), { inputs: width, outputs: innerWidth, bias: true }),
        act,
        linear(at('output.dense'), { inputs: innerWidth, outputs: width, bias: true }),
      ),
    });
  };
  const norm = layerNorm({ name: 'norm', path: 'vit.layernorm' }, { width, epsilon });
  const classifier = linear(
    { name: 'classifier', path: 'classifier' },
    { inputs: width, outputs: labels.length, bias: true },
  );
  return {
    family: 'vit',
    modelType: read.modelType,
    layerCount,
    width,
    headCount: heads,
    vocabularySize: labels.length,
    maxPositions: input.positions,
    input,
    labels,
    isCausal: false,
    presentWidth: 2 * width,
    components: decoderComponents({
      ...attentionShape,
      width,
      innerWidth,
      vocabularySize: labels.length,
      isRotary: false,
      isBidirectional: true,
      activation: neuronActivation,
      ends: {
        embedding:
          'What is made of a patch’s pixels, before its position is added; at position 0 the class token.',
        logits: 'One score for each class, read at the class token.',
        logitPositions: [0],
      },
    }),
    embed: part<EmbedScope>('embed', [embedding], (scope) =>
      embedding.place(scope, scope.site('embedding_output', embedding.embed(scope))),
    ),
    blocks: Array.from({ length: layerCount }, (_, layer) => block(layer)),
    head: part<HeadScope>('head', [norm, classifier], (scope) =>
      scope.site(
        'logits',
        classifier.apply(scope, scope.site('final_norm_output', norm.apply(scope, scope.hidden))),
      ),
    ),
    ignoredTensors: [/(^|\.)pooler\./],
  };
}
