// What the page is told that a model reads, by which it asks for a source, a picture or a question about one.

import { expect, test } from 'vitest';
import { describeArchitecture } from '../architectures/registry.ts';
import type { ModelConfiguration } from '../checkpoint/checkpoint.ts';
import { heardBy, readsOf } from './modelInfo.ts';

const text = { ...{ vocab_size: 29, hidden_size: 16, num_attention_heads: 4 }, is_decoder: true };
const vision = { hidden_size: 16, num_attention_heads: 4, image_size: 12, patch_size: 6 };
const blip = { model_type: 'blip', text_config: text, vision_config: vision };
const patches = { across: 2, down: 2 };
const readsWith = (config: ModelConfiguration, ...names: readonly string[]) =>
  readsOf(describeArchitecture(config, new Set(names)), undefined).reads;

test('a BLIP of captions reads a picture, and one that answers reads a question about it too', () => {
  expect(readsWith(blip, 'text_decoder.bert.x')).toEqual({ kind: 'image', positions: 5, patches });
  const asked = { kind: 'image', positions: 5, patches, isAsked: true };
  expect(readsWith(blip, 'text_encoder.x', 'text_decoder.bert.x')).toEqual(asked);
  // Inside a larger model its names have a prefix.
  expect(readsWith(blip, 'model.text_encoder.x', 'model.text_decoder.bert.x')).toEqual(asked);
});

test('a T5 reads a source, a ViT a picture alone, and a GPT-2 nothing beside its text', () => {
  expect(
    readsWith({ model_type: 't5', ...{ vocab_size: 29, d_model: 16, num_layers: 2, num_heads: 2 } }),
  ).toEqual({
    kind: 'text',
  });
  const labels = { id2label: { 0: 'cat', 1: 'dog' } };
  expect(readsWith({ model_type: 'vit', ...vision, ...labels, num_hidden_layers: 2 })).toEqual({
    ...{ kind: 'image', positions: 5, patches, isAlone: true },
  });
  expect(
    readsWith({
      model_type: 'gpt2',
      ...{ vocab_size: 29, n_embd: 16, n_layer: 2, n_head: 2, n_positions: 8 },
    }),
  ).toBeUndefined();
});

test('a Whisper’s seconds follow from its settings, and are not said where these are not honoured', async () => {
  const sizes = { d_model: 16, encoder_layers: 1, decoder_layers: 1, encoder_attention_heads: 2 };
  const whisper = describeArchitecture(
    {
      model_type: 'whisper',
      ...sizes,
      ...{ decoder_attention_heads: 2, vocab_size: 31, num_mel_bins: 8, max_source_positions: 50 },
    },
    new Set(),
  );
  // Two frames for each of 50 positions, 160 samples a frame.
  expect(await heardBy(whisper, { feature_size: 8 })).toEqual({ seconds: 1 });
  expect(await heardBy(whisper, { feature_size: 8, hop_length: 80 })).toEqual({ seconds: 0.5 });
  expect(await heardBy(whisper, { feature_size: 8, hop_length: 'long' })).toEqual({});
  const broken = {
    get hop_length(): number {
      throw new RangeError('No length.');
    },
  };
  await expect(heardBy(whisper, broken)).rejects.toThrow('No length.');
});
