// BERT and RoBERTa: every position sees every other, norms stand behind the sublayers, and a transform before the tied
// unembedding predicts the token at each position. RoBERTa counts its positions from behind the padding token's id.

import { add, cast, equal, sub, where } from '../../onnx/elementwise.ts';
import { gather, reshape, slice } from '../../onnx/layout.ts';
import { cumulativeSum } from '../../onnx/reduction.ts';
import { int32, type Value } from '../../onnx/value.ts';
import { type Activation, activation } from '../activation.ts';
import {
  type Architecture,
  type BlockScope,
  type EmbedScope,
  type GraphPart,
  tensor,
} from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { type DecoderSizes, encoder, neuronActivation } from '../languageModel.ts';
import { embedding, linear } from '../linear.ts';
import { mlp } from '../mlp.ts';
import { type Module, type Place, part, placesUnder } from '../module.ts';
import { layerNorm, normWords } from '../norms.ts';
import { separateProjections } from '../projections.ts';
import { selfAttention } from '../selfAttention.ts';

/** norm(act(dense(x))): what stands before the unembedding of a masked language model. */
export function predictionTransform(dense: Module, act: Activation, norm: Module): Module {
  return {
    weights: { ...dense.weights, ...norm.weights },
    apply: (scope, x) => norm.apply(scope, act(dense.apply(scope, x))),
  };
}

/**
 * Positions counted from behind the padding token's id. A padding token stands at that id and is not counted, wherever in
 * the sequence it is.
 * @returns int32 [tokens]
 * @see create_position_ids_from_input_ids of RoBERTa in transformers
 */
export function positionsBehindPadding(
  { tokens, positions }: Pick<EmbedScope, 'tokens' | 'positions'>,
  padding: number,
): Value {
  const isPadding = equal(tokens, int32(padding));
  const upTo = (counts: Value): Value => cast(cumulativeSum(cast(counts, 'float32'), 0), 'int32');
  const passed = upTo(isPadding);
  // Sequences lie one after another, each from its position 0 on: here is where each token's own begins.
  const first = sub(sub(upTo(equal(tokens, tokens)), int32(1)), positions);
  const before = sub(passed, cast(isPadding, 'int32'));
  const own = sub(passed, gather(before, first, 0));
  return where(isPadding, int32(padding), add(sub(positions, own), int32(padding + 1)));
}

interface Words {
  /** Path of the model without its head. */
  readonly base: 'bert' | 'roberta';
  readonly head: {
    readonly dense: string;
    readonly norm: string;
    readonly act: Activation;
    readonly bias: string;
    readonly unembedding: string;
  };
  /** Rows of the position table that no position has. */
  readonly offset: number;
  readonly positions: (scope: EmbedScope) => Value;
  readonly ignored: readonly RegExp[];
}

function build(read: ConfigurationReader, names: ReadonlySet<string>, words: Words): Architecture {
  const { base, head, offset } = words;
  const width = read.size('hidden_size');
  const heads = read.size('num_attention_heads');
  const table = read.size('max_position_embeddings', 512);
  const sizes: DecoderSizes = {
    width,
    layerCount: read.layerCount('num_hidden_layers'),
    heads,
    keyValueHeads: heads,
    headWidth: read.divide(width, heads, 'hidden_size by num_attention_heads'),
    innerWidth: read.size('intermediate_size', 3072),
    vocabularySize: read.size('vocab_size'),
    maxPositions: table - offset,
  };
  const { innerWidth, headWidth } = sizes;
  const epsilon = read.number('layer_norm_eps', 1e-12, 0);
  const act = activation(read.text('hidden_act', 'gelu'));
  const types = read.size('type_vocab_size', 2);
  const encoderOnly = 'use a model that is an encoder.';
  read.refuseUnless('is_decoder', [false], encoderOnly);
  read.refuseUnless('add_cross_attention', [false], encoderOnly);
  read.refuseUnless('position_embedding_type', ['absolute'], 'use a model with a table of positions.');
  const norm = ({ name, path }: Place) =>
    layerNorm({ name, path }, { width, epsilon, words: normWords(names, path) });

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`${base}.encoder.layer.${layer}`);
    const affine = (name: string, inputs: number, outputs: number) =>
      linear(at(name), { inputs, outputs, bias: true });
    const square = (name: string) => affine(`attention.${name}`, width, width);
    const attend = selfAttention({
      ...sizes,
      projections: separateProjections(square('self.query'), square('self.key'), square('self.value')),
      output: square('output.dense'),
      scale: headWidth ** -0.5,
      isBidirectional: true,
    });
    const attentionNorm = norm(at('attention.output.LayerNorm'));
    const feedForward = mlp(
      affine('intermediate.dense', width, innerWidth),
      act,
      affine('output.dense', innerWidth, width),
    );
    const mlpNorm = norm(at('output.LayerNorm'));
    return part('block', [attend, attentionNorm, feedForward, mlpNorm], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const between = scope.site('block_middle', attentionNorm.apply(scope, add(attend.apply(scope, x), x)));
      const output = feedForward.apply(scope, between);
      return scope.site('block_output', mlpNorm.apply(scope, add(output, between)));
    });
  };

  const at = placesUnder(`${base}.embeddings`);
  const positions = embedding(at('position_embeddings'), table, width);
  const embeddingNorm = norm(at('LayerNorm'));
  const isTied = read.flag('tie_word_embeddings', true);
  const dense = linear(
    { name: 'transform', path: head.dense },
    { inputs: width, outputs: width, bias: true },
  );
  return encoder(read, {
    family: base,
    sizes,
    shape: { isRotary: false, isPostNorm: true, activation: neuronActivation },
    ends: {
      tokens: `${base}.embeddings.word_embeddings`,
      enter: {
        weights: {
          ...positions.weights,
          types: tensor(`${base}.embeddings.token_type_embeddings.weight`, types, width),
          ...embeddingNorm.weights,
        },
        apply: (scope, embedded) => {
          // Every token is of the first kind: a prompt is one sentence.
          const kind = reshape(slice(scope.weight('types'), 0, 0, 1), [width]);
          const placed = positions.apply(scope, words.positions(scope));
          return embeddingNorm.apply(scope, add(add(embedded, kind), placed));
        },
      },
      leave: predictionTransform(dense, head.act, norm({ name: 'transform_norm', path: head.norm })),
      head: isTied ? 'tied' : head.unembedding,
      ownHead: head.unembedding,
      headBias: head.bias,
      ignored: [/\.position_ids$/, /(^|\.)pooler\./, ...words.ignored],
    },
    block,
  });
}

/** @param names of the tensors in the checkpoint: the first ones call the parameters of norms `gamma` and `beta` */
export function bert(read: ConfigurationReader, names: ReadonlySet<string>): Architecture {
  return build(read, names, {
    base: 'bert',
    head: {
      dense: 'cls.predictions.transform.dense',
      norm: 'cls.predictions.transform.LayerNorm',
      act: activation(read.text('hidden_act', 'gelu')),
      bias: 'cls.predictions',
      unembedding: 'cls.predictions.decoder',
    },
    offset: 0,
    positions: (scope) => scope.positions,
    ignored: [/(^|\.)cls\.seq_relationship\./, /(^|\.)cls\.predictions\.decoder\.bias$/],
  });
}

/** @param names of the tensors in the checkpoint */
export function roberta(read: ConfigurationReader, names: ReadonlySet<string>): Architecture {
  const padding = read.number('pad_token_id', 1, 0);
  return build(read, names, {
    base: 'roberta',
    head: {
      dense: 'lm_head.dense',
      norm: 'lm_head.layer_norm',
      act: activation('gelu'),
      bias: 'lm_head',
      unembedding: 'lm_head.decoder',
    },
    offset: padding + 1,
    positions: (scope) => positionsBehindPadding(scope, padding),
    ignored: [/(^|\.)lm_head\.decoder\.bias$/],
  });
}
