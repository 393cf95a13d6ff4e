// The picture's stack of BLIP: a ViT whose norms stand before its sublayers, and whose last states a text reads.

import { activation } from '../activation.ts';
import type { BlockScope, EmbedScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { withPrefix } from '../crossAttention.ts';
import { neuronActivation } from '../languageModel.ts';
import { linear } from '../linear.ts';
import { mlp } from '../mlp.ts';
import { part, placesUnder } from '../module.ts';
import { layerNorm } from '../norms.ts';
import { imageInput, patchEmbedding, readPatches } from '../patches.ts';
import { preNormBlock } from '../preNormBlocks.ts';
import { fusedProjection } from '../projections.ts';
import { selfAttention } from '../selfAttention.ts';

export function visionStack(read: ConfigurationReader) {
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
