// Small models that read more than a text, for the tests of their pages, with a sound and pictures for them.

export { tinyT5 as t5 } from '../src/runtime/fixtures/tinyCheckpoint.ts';

export const whisper = {
  ...{ model_type: 'whisper', vocab_size: 31, d_model: 16, encoder_layers: 2, decoder_layers: 2 },
  ...{ encoder_attention_heads: 4, decoder_attention_heads: 2, encoder_ffn_dim: 20, decoder_ffn_dim: 24 },
  ...{ num_mel_bins: 80, max_source_positions: 50, max_target_positions: 20 },
  ...{ decoder_start_token_id: 3, pad_token_id: 0, bos_token_id: 0, eos_token_id: 1 },
};
/** What a Whisper of one second hears. */
export const hearing = {
  ...{ feature_size: 80, hop_length: 160, n_fft: 400, sampling_rate: 16_000 },
  ...{ chunk_length: 1, n_samples: 16_000, nb_max_frames: 100 },
};
export const vit = {
  ...{ model_type: 'vit', image_size: 24, patch_size: 4, hidden_size: 16, intermediate_size: 20 },
  ...{ num_hidden_layers: 3, num_attention_heads: 4, id2label: { 0: 'cat', 1: 'dog', 2: 'owl' } },
};
export const blip = {
  model_type: 'blip',
  text_config: {
    ...{ vocab_size: 31, hidden_size: 8, intermediate_size: 12, num_hidden_layers: 2 },
    ...{
      num_attention_heads: 2,
      max_position_embeddings: 20,
      bos_token_id: 2,
      sep_token_id: 3,
      is_decoder: true,
    },
  },
  vision_config: {
    ...{ hidden_size: 12, intermediate_size: 16, num_hidden_layers: 3, num_attention_heads: 3 },
    ...{ image_size: 24, patch_size: 4 },
  },
};

/** A second of a rising tone, as a WAV file of 16 bits. */
export function tone(): Buffer {
  const rate = 16_000;
  const file = Buffer.alloc(44 + 2 * rate);
  file.write('RIFF', 0);
  file.writeUInt32LE(36 + 2 * rate, 4);
  file.write('WAVEfmt ', 8);
  for (const [at, value] of [
    [16, 16],
    [24, rate],
    [28, 2 * rate],
    [40, 2 * rate],
  ] as const)
    file.writeUInt32LE(value, at);
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 2],
    [34, 16],
  ] as const)
    file.writeUInt16LE(value, at);
  file.write('data', 36);
  for (let at = 0; at < rate; at++)
    file.writeInt16LE(Math.round(9_000 * Math.sin(at * 0.17 + at * at * 1e-6)), 44 + 2 * at);
  return file;
}

export const fileOf = (path: string): string => new URL(`../src/${path}`, import.meta.url).pathname;
export const picture = (name: string): string => fileOf(`media/expected/${name}.png`);
