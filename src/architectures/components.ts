// The components that decoder families share, with their widths and the order in which they feed each other. The first
// twelve names are pyvene's; the widths are the model's own, also where pyvene's tables disagree.

import type { ComponentDescription } from './architecture.ts';
import type { HeadShape } from './projections.ts';

export interface DecoderShape extends HeadShape {
  readonly width: number;
  readonly innerWidth: number;
  readonly vocabularySize: number;
  /** Entries of a token's embedding, where they are not `width`. */
  readonly embeddingWidth?: number;
  /** Attention and MLP both read the block's input, instead of one after the other. */
  readonly isParallel?: boolean;
  /** Named when queries, keys and values come from one matrix: its output is a component too. */
  readonly isFused?: boolean;
  /** What the embedding makes, and what the logits score, where they are not tokens. */
  readonly ends?: ModelWords;
  /** What `mlp_activation` is in this family. */
  readonly activation: string;
  /** Queries and keys are rotated by position after their component. */
  readonly isRotary: boolean;
  /** What is made of the scaled products of queries and keys, where they are not the scores: `soft-capped`. */
  readonly scores?: string;
  /** Queries and keys are normalised after their component. */
  readonly hasQueryKeyNorm?: boolean;
  /** Every position sees every other. */
  readonly isBidirectional?: boolean;
  /** Sublayers read the residual stream as it is, and are normalised behind. */
  readonly isPostNorm?: boolean;
  /** What changes a sublayer's output before it is added to the residual stream: `a norm`, `a factor`. */
  readonly behind?: string;
  /** What the vectors that a sublayer reads are besides in PyTorch: the stream itself, or what the other sublayer reads. */
  readonly alias?: 'the residual stream' | 'what the MLP reads';
  /** Experts in place of one MLP, in these layers. */
  readonly mixture?: { readonly experts: number; readonly layers: readonly number[] };
  /** Layers with one MLP; absent: all. */
  readonly plainLayers?: readonly number[];
}

/** What stands around the layers of a model that is no language model. */
export interface ModelWords {
  readonly embedding: string;
  readonly logits: string;
  /** Positions that have logits; absent: all. */
  readonly logitPositions?: readonly number[];
}

const languageWords: ModelWords = {
  embedding: 'The embedding of the token alone, before any position is added.',
  logits: 'One score for each token of the vocabulary.',
};

type Sketch = Omit<ComponentDescription, 'scope' | 'layout'> & Partial<Pick<ComponentDescription, 'layout'>>;

function mixtureComponents(
  width: number,
  { experts, layers }: { readonly experts: number; readonly layers: readonly number[] },
): readonly Sketch[] {
  return [
    {
      name: 'router_output',
      width: experts,
      description:
        'The score of each expert for the token, before softmax. Those with the highest are chosen.',
      feeds: ['mlp_output'],
      layers,
    },
    {
      name: 'expert_output',
      layout: 'head',
      width,
      heads: experts,
      description:
        'What each expert makes of the token, before it is weighted. Those that were not chosen have no effect.',
      feeds: ['mlp_output'],
      layers,
    },
  ];
}

/** All components of a decoder of this shape, in the order of computation. */
export function decoderComponents(shape: DecoderShape): readonly ComponentDescription[] {
  const { width, innerWidth, heads, keyValueHeads, headWidth } = shape;
  const queryWidth = heads * headWidth;
  const keyWidth = keyValueHeads * headWidth;
  const turn = shape.isRotary ? 'the turn by position' : '';
  const behindKeys = [...(shape.hasQueryKeyNorm ? ['their norm'] : []), ...(turn ? [turn] : [])].join(
    ' and ',
  );
  const rotated = behindKeys ? `, before ${behindKeys}` : '';
  const stream = shape.isPostNorm ? 'the residual stream as it is' : 'the normalised residual stream';
  const alias = shape.alias ?? (shape.isPostNorm ? 'the residual stream' : undefined);
  const attentionAlias = alias ? { alias } : {};
  const mlpAlias = alias === 'the residual stream' ? { alias } : {};
  const puts = (who: string) =>
    shape.behind
      ? `What ${who} puts out, before ${shape.behind} changes it and it is added to the residual stream.`
      : `What ${who} adds to the residual stream.`;
  const projections = ['query_output', 'key_output', 'value_output'];
  const headForm = (of: string, count: number, description: string, feeds: readonly string[]): Sketch => ({
    name: `head_${of}`,
    layout: 'head',
    width: headWidth,
    heads: count,
    headsOf: of,
    description,
    feeds,
  });
  const normForms = (name: string, what: string, all: number, count: number): readonly Sketch[] => [
    {
      name,
      width: all,
      description: `The normalised ${what} of all heads side by side${turn && `, before ${turn}`}.`,
      feeds: ['attention_scores'],
    },
    headForm(name, count, `The normalised ${what} of one head${turn && `, before ${turn}`}.`, [
      'attention_scores',
    ]),
  ];
  const { plainLayers } = shape;
  const hasPlainLayers = plainLayers === undefined || plainLayers.length > 0;
  const read = shape.hasQueryKeyNorm
    ? ['query_norm_output', 'key_norm_output']
    : ['attention_scores', 'attention_scores'];
  const [afterQuery = '', afterKey = ''] = read;
  const layer: readonly Sketch[] = [
    {
      name: 'block_input',
      width,
      description: 'The residual stream as it enters the layer.',
      feeds: ['attention_input', ...(shape.isParallel ? ['mlp_input', 'block_output'] : ['block_middle'])],
    },
    {
      name: 'attention_input',
      width,
      description: `What attention reads: ${stream}.`,
      feeds: shape.isFused ? ['qkv_output'] : projections,
      ...attentionAlias,
    },
    ...(shape.isFused
      ? [
          {
            name: 'qkv_output',
            width: queryWidth + 2 * keyWidth,
            description: 'Queries, keys and values of all heads, as the fused projection lays them out.',
            feeds: projections,
          },
        ]
      : []),
    {
      name: 'query_output',
      width: queryWidth,
      description: `Queries of all heads side by side${rotated}.`,
      feeds: [afterQuery],
    },
    headForm('query_output', heads, `The query of one head${rotated}.`, [afterQuery]),
    {
      name: 'key_output',
      width: keyWidth,
      description: `Keys of all key-value heads side by side${rotated}.`,
      feeds: [afterKey],
    },
    headForm('key_output', keyValueHeads, `The key of one key-value head${rotated}.`, [afterKey]),
    {
      name: 'value_output',
      width: keyWidth,
      description: 'Values of all key-value heads side by side.',
      feeds: ['attention_value_output'],
    },
    headForm('value_output', keyValueHeads, 'The value of one key-value head.', ['attention_value_output']),
    ...(shape.hasQueryKeyNorm
      ? [
          ...normForms('query_norm_output', 'queries', queryWidth, heads),
          ...normForms('key_norm_output', 'keys', keyWidth, keyValueHeads),
        ]
      : []),
    {
      name: 'attention_scores',
      layout: 'pair',
      width: 1,
      heads,
      description: `Scaled products of queries and keys${shape.scores ? `, ${shape.scores}` : ''}, before softmax${shape.isBidirectional ? '' : '; later positions are masked'}.`,
      feeds: ['attention_weight'],
    },
    {
      name: 'attention_weight',
      layout: 'pair',
      width: 1,
      heads,
      description: 'The attention pattern: how much each query position takes from each key position.',
      feeds: ['attention_value_output'],
    },
    {
      name: 'attention_value_output',
      width: queryWidth,
      description: 'What the heads gathered, side by side, before the output projection.',
      feeds: ['attention_output'],
    },
    headForm('attention_value_output', heads, 'What one head gathered, before the output projection.', [
      'attention_output',
    ]),
    {
      name: 'attention_output',
      width,
      description: puts('attention'),
      feeds: shape.isParallel ? ['block_output'] : ['block_middle'],
    },
    ...(shape.isParallel
      ? []
      : [
          {
            name: 'block_middle',
            width,
            description: `The residual stream between attention and the MLP${shape.isPostNorm && !shape.behind ? ', behind the norm that it passes there' : ''}.`,
            feeds: ['mlp_input', 'block_output'],
          },
        ]),
    {
      name: 'mlp_input',
      width,
      description: `What the MLP reads: ${stream}.`,
      feeds: [
        ...(hasPlainLayers ? ['mlp_activation'] : []),
        ...(shape.mixture ? ['router_output', 'expert_output'] : []),
      ],
      ...mlpAlias,
    },
    ...(hasPlainLayers
      ? [
          {
            name: 'mlp_activation',
            width: innerWidth,
            description: shape.activation,
            feeds: ['mlp_output'],
            ...(plainLayers ? { layers: plainLayers } : {}),
          },
        ]
      : []),
    ...(shape.mixture ? mixtureComponents(width, shape.mixture) : []),
    {
      name: 'mlp_output',
      width,
      description: puts('the MLP'),
      feeds: ['block_output'],
    },
    {
      name: 'block_output',
      width,
      description: 'The residual stream as it leaves the layer.',
      feeds: ['block_input', 'final_norm_output'],
    },
  ];
  return withModelComponents(layer, shape);
}

/** A layer's components between those that stand around the layers of every language model. */
function withModelComponents(
  layer: readonly Sketch[],
  {
    width,
    vocabularySize,
    embeddingWidth = width,
    ends = languageWords,
  }: Pick<DecoderShape, 'width' | 'vocabularySize' | 'embeddingWidth' | 'ends'>,
): readonly ComponentDescription[] {
  const model: readonly Sketch[] = [
    {
      name: 'embedding_output',
      width: embeddingWidth,
      description: ends.embedding,
      feeds: ['block_input'],
    },
    {
      name: 'final_norm_output',
      width,
      description: 'The normalised residual stream that the unembedding reads.',
      feeds: ['logits'],
    },
    {
      name: 'logits',
      width: vocabularySize,
      description: ends.logits,
      feeds: [],
      ...(ends.logitPositions ? { positions: ends.logitPositions } : {}),
    },
  ];
  const described =
    (scope: 'layer' | 'model') =>
    (sketch: Sketch): ComponentDescription => ({ layout: 'token', ...sketch, scope });
  const [embedding, ...rest] = model.map(described('model'));
  return [...(embedding ? [embedding] : []), ...layer.map(described('layer')), ...rest];
}

/** All components of a state-space model, in the order of computation. */
export function stateSpaceComponents(shape: {
  readonly width: number;
  readonly innerWidth: number;
  readonly vocabularySize: number;
  readonly state: { readonly width: number; readonly description: string };
  /** What `ssm_output` is in this family. */
  readonly output: string;
}): readonly ComponentDescription[] {
  const { width, innerWidth, state } = shape;
  return withModelComponents(
    [
      {
        name: 'block_input',
        width,
        description: 'The residual stream as it enters the layer.',
        feeds: ['mixer_input', 'block_output'],
      },
      {
        name: 'mixer_input',
        width,
        description: 'What the mixer reads: the normalised residual stream.',
        feeds: ['ssm_state', 'ssm_output'],
      },
      { name: 'ssm_state', ...state, isCarried: true, feeds: ['ssm_output'] },
      { name: 'ssm_output', width: innerWidth, description: shape.output, feeds: ['mixer_output'] },
      {
        name: 'mixer_output',
        width,
        description: 'What the mixer adds to the residual stream.',
        feeds: ['block_output'],
      },
      {
        name: 'block_output',
        width,
        description: 'The residual stream as it leaves the layer.',
        feeds: ['block_input', 'final_norm_output'],
      },
    ],
    shape,
  );
}
