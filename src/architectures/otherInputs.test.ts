// Configurations of models that read pictures and sounds, and of those of two stacks.

import { expect, test } from 'vitest';
import { describeArchitecture } from './registry.ts';
import { bucketOf } from './relativeBias.ts';

const t5 = { model_type: 't5', vocab_size: 9, d_model: 8, d_kv: 4, d_ff: 8, num_layers: 1, num_heads: 2 };
const vit = {
  model_type: 'vit',
  hidden_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  image_size: 8,
  patch_size: 4,
};
const whisper = {
  model_type: 'whisper',
  d_model: 8,
  encoder_layers: 1,
  decoder_layers: 1,
  encoder_attention_heads: 2,
  decoder_attention_heads: 2,
};
const blip = {
  model_type: 'blip',
  text_config: { hidden_size: 8, num_attention_heads: 2 },
  vision_config: vit,
};

test.each<[string, object, readonly string[], RegExp]>([
  [
    'an activation that is gated by another word',
    { ...t5, feed_forward_proj: 'half-gelu' },
    [],
    /'feed_forward_proj' to be an activation, or 'gated-' and one; it is 'half-gelu'/,
  ],
  ['too few buckets', { ...t5, relative_attention_num_buckets: 2 }, [], /they are 2 and 128/],
  [
    'a furthest distance within the near buckets',
    { ...t5, relative_attention_max_distance: 16 },
    [],
    /they are 32 and 16/,
  ],
  [
    'layers of different options',
    { ...t5, per_layer_config: { 0: { num_heads: 4 } } },
    [],
    /sets 'per_layer_config' to {"0":{"num_heads":4}}, which Patchbay does not support for t5 models; use a model whose layers/,
  ],
  ['a T5 of one stack', { ...t5, is_encoder_decoder: false }, [], /sets 'is_encoder_decoder' to false/],
  [
    'a picture of no whole patches',
    { ...vit, image_size: 10 },
    [],
    /image_size by patch_size \(10 by 4\) leaves a remainder/,
  ],
  [
    'a size of three numbers',
    { ...vit, image_size: [8, 8, 3] },
    [],
    /'image_size' to be a size in pixels, or a height and a width/,
  ],
  [
    'classes that are not counted',
    { ...vit, id2label: { 0: 'dog', 2: 'cat' } },
    [],
    /'id2label' to name each class by its number/,
  ],
  [
    'heads that do not divide the width',
    { ...whisper, decoder_attention_heads: 3 },
    [],
    /d_model by decoder_attention_heads \(8 by 3\)/,
  ],
  [
    'a text that is no decoder',
    { ...blip, text_config: { ...blip.text_config, is_decoder: false } },
    [],
    /sets 'is_decoder' to false/,
  ],
  [
    'a BLIP that tells whether a text fits a picture',
    blip,
    ['text_encoder.embeddings.word_embeddings.weight', 'itm_head.weight'],
    /writes none, which Patchbay does not run; use one that writes captions or answers questions/,
  ],
  [
    'a BLIP of a text that nothing is made of',
    blip,
    ['text_encoder.embeddings.word_embeddings.weight'],
    /use one that writes captions or answers questions/,
  ],
])('%s is refused', (_, config, names, sentence) => {
  expect(() => describeArchitecture({ ...config }, new Set(names))).toThrow(sentence);
});

test('an old T5 has an unembedding of its own where the file holds one, and scales by what its configuration says', () => {
  const tensorOf = (config: object, ...names: readonly string[]) => {
    const source = describeArchitecture({ ...config }, new Set(names)).head.weights['unembedding.weight'];
    return source?.kind === 'tensor' ? source.tensor : undefined;
  };
  expect(tensorOf(t5)).toBe('shared.weight');
  expect(tensorOf({ ...t5, tie_word_embeddings: false })).toBe('shared.weight');
  expect(tensorOf(t5, 'lm_head.weight')).toBe('lm_head.weight');
});

test('the activation of a T5 is what a saved file names, whatever its other words say', () => {
  const of = (own: object) =>
    Object.keys(describeArchitecture({ ...t5, ...own }, new Set()).blocks[0]?.weights ?? {});
  const gated = of({ feed_forward_proj: 'gated-silu' });
  expect(of({ feed_forward_proj: 'relu', dense_act_fn: 'silu', is_gated_act: true })).toEqual(gated);
  expect(of({ feed_forward_proj: 'silu' })).not.toEqual(gated);
  expect(() => describeArchitecture({ ...t5, dense_act_fn: 'sine' }, new Set())).toThrow(/'sine'/);
});

// DistilBertConfig(n_heads=4, num_attention_heads=2).n_heads is 2 in transformers 5.24; GPT2Config and others alike.
test('where an option stands under its class’s word and under the usual one, the usual one holds', () => {
  const distilBert = { model_type: 'distilbert', vocab_size: 9, dim: 24, n_layers: 1, hidden_dim: 8 };
  const headsOf = (own: object) => describeArchitecture({ ...distilBert, ...own }, new Set()).headCount;
  expect(headsOf({})).toBe(12);
  expect(headsOf({ n_heads: 4 })).toBe(4);
  expect(headsOf({ num_attention_heads: 2 })).toBe(2);
  expect(headsOf({ n_heads: 4, num_attention_heads: 2 })).toBe(2);
  const gpt2 = { model_type: 'gpt2', vocab_size: 9, n_head: 4, num_hidden_layers: 3, hidden_size: 8 };
  expect(describeArchitecture(gpt2, new Set())).toMatchObject({ width: 8, headCount: 4, layerCount: 3 });
});

// _relative_position_bucket of T5Attention in transformers 5.24.
test.each<[boolean, readonly (readonly [number, number])[]]>([
  [
    true,
    [
      [7, 7],
      [8, 8],
      [11, 8],
      [12, 9],
      [15, 9],
      [16, 10],
      [64, 14],
      [90, 14],
      [91, 15],
      [4000, 15],
    ],
  ],
  [
    false,
    [
      [15, 15],
      [16, 16],
      [18, 16],
      [19, 17],
      [64, 26],
      [112, 30],
      [113, 31],
      [4000, 31],
    ],
  ],
])('32 buckets to distance 128 are those of transformers, both sides: %s', (isBidirectional, places) => {
  for (const [distance, bucket] of places)
    expect(bucketOf(distance, { count: 32, furthest: 128, isBidirectional })).toBe(bucket);
});

test('a picture is cut into its patches row by row, a row of pixels of a channel after the other', () => {
  const { input } = describeArchitecture({ ...vit, num_channels: 2 }, new Set());
  const data = Float32Array.from({ length: 2 * 8 * 8 }, (_, at) => at);
  const vectors = input?.vectors(data) ?? [];
  expect(vectors.length).toBe(5 * 32);
  // The class token has no pixels.
  expect([...vectors.slice(0, 32)].every((value) => value === 0)).toBe(true);
  // The second patch of the upper row: columns 4 to 7.
  expect([...vectors.slice(64, 72)]).toEqual([4, 5, 6, 7, 12, 13, 14, 15]);
  // Its second channel, and the first patch of the lower row.
  expect([...vectors.slice(80, 84)]).toEqual([68, 69, 70, 71]);
  expect([...vectors.slice(96, 100)]).toEqual([32, 33, 34, 35]);
});
