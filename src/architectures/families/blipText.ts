// The texts of BLIP: what writes a caption or an answer, and what reads a question. Their norms stand behind the sublayers, as
// BERT's do, and each layer reads another stack by cross-attention.

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import type { BlockScope, EmbedScope, GraphPart, HeadScope } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { crossAttention, memoryPart, withPrefix } from '../crossAttention.ts';
import { neuronActivation } from '../languageModel.ts';
import { embedding, linear } from '../linear.ts';
import { mlp } from '../mlp.ts';
import { part, placesUnder } from '../module.ts';
import { layerNorm } from '../norms.ts';
import { separateProjections } from '../projections.ts';
import { selfAttention } from '../selfAttention.ts';
import { predictionTransform } from './bert.ts';

/** One of BLIP's texts. */
export interface TextPlace {
  /** Of its tensors: `text_decoder.bert`. */
  readonly base: string;
  /** Of its components: nothing, or `question.`. */
  readonly prefix: string;
  /** Entries of the states that its cross-attention reads. */
  readonly memoryWidth: number;
  /** Every position sees every other. */
  readonly isBidirectional: boolean;
}

/** A stack that reads another: BERT's layers with cross-attention in the middle. */
export function textStack(
  read: ConfigurationReader,
  { base, prefix, memoryWidth, isBidirectional }: TextPlace,
) {
  const width = read.size('hidden_size', 768);
  const layerCount = read.has('num_hidden_layers') ? read.layerCount('num_hidden_layers') : 12;
  const heads = read.size('num_attention_heads', 8);
  const headWidth = read.divide(width, heads, 'hidden_size by num_attention_heads');
  const innerWidth = read.size('intermediate_size', 3072);
  const vocabularySize = read.size('vocab_size', 30524);
  const maxPositions = read.size('max_position_embeddings', 512);
  const epsilon = read.number('layer_norm_eps', 1e-12, 0);
  const act = activation(read.text('hidden_act', 'gelu'));
  read.refuseUnless('is_decoder', [true], 'use a model that writes captions or answers.');
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
      isBidirectional,
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
    return part(`${prefix}block`, modules, (outer) => {
      const scope = withPrefix(outer, prefix);
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
  return {
    width,
    layerCount,
    heads,
    vocabularySize,
    maxPositions,
    block,
    embed: part<EmbedScope>(`${prefix}embed`, [table, places, embeddingNorm], (outer) => {
      const scope = withPrefix(outer, prefix);
      const embedded = scope.site('embedding_output', table.apply(scope, scope.tokens));
      return embeddingNorm.apply(scope, add(embedded, places.apply(scope, scope.positions)));
    }),
    memory: (layer: number) =>
      memoryPart(
        affine(layer, 'crossattention.self.key', memoryWidth),
        affine(layer, 'crossattention.self.value', memoryWidth),
        sizes,
        prefix,
      ),
    table: at('word_embeddings').path,
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

/** The scores of the tokens, of the decoder's last states. @param table the tensor of its tokens' embeddings */
export function textHead(read: ConfigurationReader, table: string) {
  const width = read.size('hidden_size', 768);
  const vocabularySize = read.size('vocab_size', 30524);
  const epsilon = read.number('layer_norm_eps', 1e-12, 0);
  const act = activation(read.text('hidden_act', 'gelu'));
  const isTied = read.flag('tie_word_embeddings', true);
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
    isTied ? table : ownHead,
  );
  return {
    head: part<HeadScope>('head', [transform, unembedding], (scope) => {
      const normal = scope.site('final_norm_output', scope.hidden);
      return scope.site('logits', unembedding.apply(scope, transform.apply(scope, normal)));
    }),
    ...(isTied ? { tied: { table: `${table}.weight`, head: `${ownHead}.weight` } } : {}),
  };
}
