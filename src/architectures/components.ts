// The components that decoder families share, with their widths and the order in which they feed each other. The first
// twelve names are pyvene's; the widths are the model's own, also where pyvene's tables disagree.

import type { ComponentDescription } from './architecture.ts';

export interface DecoderShape {
  readonly width: number;
  readonly innerWidth: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headWidth: number;
  readonly vocabularySize: number;
  /** Attention and MLP both read the block's input, instead of one after the other. */
  readonly isParallel?: boolean;
  /** Named when queries, keys and values come from one matrix: its output is a component too. */
  readonly isFused?: boolean;
  /** What `mlp_activation` is in this family. */
  readonly activation: string;
  /** Queries and keys are turned by position after their component. */
  readonly isRotary: boolean;
}

type Sketch = Omit<ComponentDescription, 'scope' | 'layout'> & Partial<Pick<ComponentDescription, 'layout'>>;

/** All components of a decoder of this shape, in the order of computation. */
export function decoderComponents(shape: DecoderShape): readonly ComponentDescription[] {
  const { width, innerWidth, heads, keyValueHeads, headWidth } = shape;
  const queryWidth = heads * headWidth;
  const keyWidth = keyValueHeads * headWidth;
  const turned = shape.isRotary ? ', before the turn by position' : '';
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
  const layer: readonly Sketch[] = [
    {
      name: 'block_input',
      width,
      description: 'The residual stream as it enters the layer.',
      feeds: ['attention_input', ...(shape.isParallel ? ['mlp_input'] : []), 'block_output'],
    },
    {
      name: 'attention_input',
      width,
      description: 'What attention reads: the normalised residual stream.',
      feeds: shape.isFused ? ['qkv_output'] : projections,
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
      description: `Queries of all heads side by side${turned}.`,
      feeds: ['attention_scores'],
    },
    headForm('query_output', heads, `The query of one head${turned}.`, ['attention_scores']),
    {
      name: 'key_output',
      width: keyWidth,
      description: `Keys of all key-value heads side by side${turned}.`,
      feeds: ['attention_scores'],
    },
    headForm('key_output', keyValueHeads, `The key of one key-value head${turned}.`, ['attention_scores']),
    {
      name: 'value_output',
      width: keyWidth,
      description: 'Values of all key-value heads side by side.',
      feeds: ['attention_value_output'],
    },
    headForm('value_output', keyValueHeads, 'The value of one key-value head.', ['attention_value_output']),
    {
      name: 'attention_scores',
      layout: 'pair',
      width: 1,
      heads,
      description: 'Scaled products of queries and keys, before softmax; later positions are masked.',
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
      description: 'What attention adds to the residual stream.',
      feeds: shape.isParallel ? ['block_output'] : ['mlp_input', 'block_output'],
    },
    {
      name: 'mlp_input',
      width,
      description: 'What the MLP reads: the normalised residual stream.',
      feeds: ['mlp_activation'],
    },
    { name: 'mlp_activation', width: innerWidth, description: shape.activation, feeds: ['mlp_output'] },
    {
      name: 'mlp_output',
      width,
      description: 'What the MLP adds to the residual stream.',
      feeds: ['block_output'],
    },
    {
      name: 'block_output',
      width,
      description: 'The residual stream as it leaves the layer.',
      feeds: ['block_input', 'final_norm_output'],
    },
  ];
  const model: readonly Sketch[] = [
    {
      name: 'embedding_output',
      width,
      description: 'The embedding of the token alone, before any position is added.',
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
      width: shape.vocabularySize,
      description: 'One score for each token of the vocabulary.',
      feeds: [],
    },
  ];
  const described =
    (scope: 'layer' | 'model') =>
    (sketch: Sketch): ComponentDescription => ({ layout: 'token', ...sketch, scope });
  const [embedding, ...rest] = model.map(described('model'));
  return [...(embedding ? [embedding] : []), ...layer.map(described('layer')), ...rest];
}
