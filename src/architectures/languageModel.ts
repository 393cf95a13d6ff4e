// A language model: its blocks, and what stands around them in every family: the table of tokens before them, a norm and the
// unembedding behind them. The unembedding may be the table itself (tied).

import type { Value } from '../onnx/value.ts';
import type { Architecture, BlockScope, EmbedScope, GraphPart, HeadScope } from './architecture.ts';
import { type DecoderShape, decoderComponents } from './components.ts';
import type { ConfigurationReader } from './configuration.ts';
import { embedding, linear } from './linear.ts';
import { type Module, part, type Weighted } from './module.ts';
import type { HeadShape } from './projections.ts';

export interface ModelSizes {
  readonly width: number;
  readonly layerCount: number;
  readonly vocabularySize: number;
  readonly maxPositions: number;
  /** Entries of a token's embedding, where they are not `width`. */
  readonly embeddingWidth?: number;
}

export interface DecoderSizes extends ModelSizes, HeadShape {
  readonly innerWidth: number;
}

export interface DecoderEnds {
  /** Path of the table of tokens. */
  readonly tokens: string;
  /** From the token's embedding [tokens, width] to what enters the first block; absent: the embedding itself. */
  readonly enter?: Weighted & { readonly apply: (scope: EmbedScope, embedded: Value) => Value };
  /** Absent where the last block has normalised already. */
  readonly norm?: Module;
  /** Between the norm and the unembedding. */
  readonly leave?: Module;
  /** `tied` to the table of tokens, or the path of the unembedding. */
  readonly head: string;
  /** Path of the unembedding in a file that holds one although it is tied; default `lm_head`. */
  readonly ownHead?: string;
  /** Path of the module whose bias is added to the unembedding's products. */
  readonly headBias?: string;
  /** What is made of the unembedding's products; absent: they are the logits. */
  readonly logits?: (products: Value) => Value;
  /** Patterns of tensors that hold nothing the model needs. */
  readonly ignored?: readonly RegExp[];
}

/** The frequencies that old checkpoints hold. */
const neverNeeded = /(^|\.)rotary_emb(eddings)?\.inv_freq$/;

/** Embedding and head, and the tensors that the model passes over. */
function partsAround(
  { width, vocabularySize, embeddingWidth = width }: ModelSizes,
  ends: DecoderEnds,
): Pick<Architecture, 'embed' | 'head' | 'tied' | 'ignoredTensors'> {
  const { enter, norm, leave } = ends;
  const isTied = ends.head === 'tied';
  const ownHead = ends.ownHead ?? 'lm_head';
  const table = embedding({ name: 'tokens', path: ends.tokens }, vocabularySize, embeddingWidth);
  const unembedding = linear(
    { name: 'unembedding', path: ends.headBias ?? ends.head },
    { inputs: embeddingWidth, outputs: vocabularySize, bias: ends.headBias !== undefined },
    isTied ? ends.tokens : ends.head,
  );
  return {
    embed: part<EmbedScope>('embed', [table, ...(enter ? [enter] : [])], (scope) => {
      const embedded = scope.site('embedding_output', table.apply(scope, scope.tokens));
      return enter ? enter.apply(scope, embedded) : embedded;
    }),
    head: part<HeadScope>(
      'head',
      [...(norm ? [norm] : []), ...(leave ? [leave] : []), unembedding],
      (scope) => {
        const { site, hidden } = scope;
        const normal = site('final_norm_output', norm ? norm.apply(scope, hidden) : hidden);
        const products = unembedding.apply(scope, leave ? leave.apply(scope, normal) : normal);
        return site('logits', ends.logits ? ends.logits(products) : products);
      },
    ),
    ...(isTied ? { tied: { table: `${ends.tokens}.weight`, head: `${ownHead}.weight` } } : {}),
    ignoredTensors: [neverNeeded, ...(ends.ignored ?? [])],
  };
}

interface Blocks {
  readonly family: string;
  readonly ends: DecoderEnds;
  readonly block: (layer: number) => GraphPart<BlockScope>;
}

export interface Decoder extends Blocks {
  readonly sizes: DecoderSizes;
  /** What the components' descriptions depend on, beside the sizes. */
  readonly shape: Omit<DecoderShape, keyof DecoderSizes>;
}

const attentionWidths = ({ heads, keyValueHeads, headWidth }: DecoderSizes) => ({
  headCount: heads,
  presentWidth: 2 * keyValueHeads * headWidth,
});

const mixtureNumbers = (experts: number, width: number) => (carried: number) => 2 * experts * width * carried;

/** A causal language model whose blocks are attention and an MLP. */
export function decoder(read: ConfigurationReader, { sizes, shape, ...blocks }: Decoder): Architecture {
  const components = decoderComponents({ ...sizes, ...shape });
  return languageModel(read, {
    ...blocks,
    sizes,
    ...attentionWidths(sizes),
    ...(shape.behind === undefined ? {} : { behind: shape.behind }),
    // What every expert says of every token, as parts and together.
    ...(shape.mixture ? { numbersPerRow: mixtureNumbers(shape.mixture.experts, sizes.width) } : {}),
    isCausal: true,
    components,
  });
}

/** A masked language model: as a decoder, but that every position sees every other. */
export function encoder(read: ConfigurationReader, { sizes, shape, ...blocks }: Decoder): Architecture {
  const components = decoderComponents({ ...sizes, ...shape, isBidirectional: true });
  return languageModel(read, { ...blocks, sizes, ...attentionWidths(sizes), isCausal: false, components });
}

export interface LanguageModel
  extends Blocks,
    Pick<
      Architecture,
      | 'headCount'
      | 'isCausal'
      | 'presentWidth'
      | 'recurrence'
      | 'components'
      | 'numbersPerRow'
      | 'behind'
      | 'notices'
    > {
  readonly sizes: ModelSizes;
}

/** A language model of any blocks. */
export function languageModel(read: ConfigurationReader, options: LanguageModel): Architecture {
  const {
    family,
    sizes,
    headCount,
    isCausal,
    presentWidth,
    recurrence,
    components,
    numbersPerRow,
    behind,
    notices,
    ends,
    block,
  } = options;
  const { layerCount, width, vocabularySize, maxPositions } = sizes;
  return {
    family,
    modelType: read.modelType,
    layerCount,
    width,
    headCount,
    vocabularySize,
    maxPositions,
    isCausal,
    presentWidth,
    ...(recurrence ? { recurrence } : {}),
    ...(numbersPerRow ? { numbersPerRow } : {}),
    ...(behind === undefined ? {} : { behind }),
    ...(notices ? { notices } : {}),
    components,
    ...partsAround(sizes, ends),
    blocks: Array.from({ length: layerCount }, (_, layer) => block(layer)),
  };
}

/** What `mlp_activation` is. */
export const gateActivation =
  'The gate of the MLP after the activation function, before it multiplies the other branch.';
export const neuronActivation = 'The MLP’s neurons, after the activation function.';
