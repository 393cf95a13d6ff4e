// What the engine would tell of a LLaMA-like model of any size, for tests that need no model.

import type { ComponentInfo, ModelInfo } from '../src/worker/protocol.ts';

const perHead = (name: string): string => `head_${name}`;

/** A LLaMA-like model of any size, with the components that the engine gives one. */
export function fakeModel(label: string, layerCount: number, width: number, headCount: number): ModelInfo {
  const head = width / headCount;
  const inner = width === 576 ? 1536 : 4 * width;
  const one = (
    name: string,
    size: number | readonly (string | number)[],
    feeds: readonly string[],
    description: string,
    layers: number | null = layerCount,
  ): ComponentInfo => ({
    name,
    layers,
    shape: ['position', ...(typeof size === 'number' ? [size] : size)],
    description,
    feeds,
  });
  const projections = [
    ['query_output', ['attention_scores'], 'What each position looks for'],
    ['key_output', ['attention_scores'], 'What each position offers to be found by'],
    ['value_output', ['attention_value_output'], 'What each position hands on when it is found'],
    ['attention_value_output', ['attention_output'], 'The values of all positions, weighed by attention'],
  ] as const;
  const pairs = (name: string, feeds: readonly string[], description: string): ComponentInfo => ({
    name,
    layers: layerCount,
    shape: [headCount, 'position', 'position'],
    description,
    feeds,
  });
  return {
    label,
    family: 'llama',
    architecture: 'llama',
    isCausal: true,
    layerCount,
    width,
    headCount,
    vocabularySize: 49152,
    maxPositions: 8192,
    parameterCount: 134_515_008,
    weightBytes: 538_060_032,
    components: [
      one(
        'block_input',
        width,
        ['attention_input', 'block_output'],
        'The residual stream as the block receives it.',
      ),
      one(
        'attention_input',
        width,
        ['query_output', 'key_output', 'value_output'],
        'The normalised residual stream that attention reads.',
      ),
      ...projections.map(([name, feeds, text]) =>
        one(name, width, feeds, `${text}, all heads side by side.`),
      ),
      pairs(
        'attention_scores',
        ['attention_weight'],
        'How well each query matches each key, before the softmax.',
      ),
      pairs(
        'attention_weight',
        ['attention_value_output'],
        'How much each position takes from each other one; sums to 1 over the keys.',
      ),
      one(
        'attention_output',
        width,
        ['block_output', 'mlp_input'],
        'What attention adds to the residual stream.',
      ),
      ...projections.map(([name, feeds, text]) =>
        one(
          perHead(name),
          [headCount, head],
          feeds.map((fed) => (fed.endsWith('value_output') ? perHead(fed) : fed)),
          `${text}, one vector per head.`,
        ),
      ),
      one('mlp_input', width, ['mlp_activation'], 'The normalised residual stream that the MLP reads.'),
      one(
        'mlp_activation',
        inner,
        ['mlp_output'],
        'The hidden layer of the MLP after its activation function.',
      ),
      one('mlp_output', width, ['block_output'], 'What the MLP adds to the residual stream.'),
      one(
        'block_output',
        width,
        ['block_input', 'final_norm_output'],
        'The residual stream as the block leaves it.',
      ),
      one(
        'embedding_output',
        width,
        ['block_input'],
        'The embedding of each token, before the first block.',
        null,
      ),
      one(
        'final_norm_output',
        width,
        ['logits'],
        'The normalised residual stream after the last block.',
        null,
      ),
      one('logits', 49152, [], 'The score of every token of the vocabulary.', null),
    ],
  };
}
