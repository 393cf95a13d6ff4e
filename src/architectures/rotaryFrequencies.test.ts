// Frequencies of rotary positions to the last bit: an angle is a frequency times the position, and what one is off grows with it.

import { expect, test } from 'vitest';
import { ConfigurationReader } from './configuration.ts';
import { readWholeRotary } from './rotaryConfiguration.ts';

// LlamaRotaryEmbedding(LlamaConfig(...)).inv_freq of torch 2.15 and transformers 5.24, on the CPU.
test.each<[string, Record<string, unknown>, number, readonly number[]]>([
  [
    'llama3',
    {
      ...{ rope_theta: 100, factor: 32, low_freq_factor: 1, high_freq_factor: 4 },
      original_max_position_embeddings: 32,
    },
    10,
    [1.0, 0.14453710615634918, 0.0049527911469340324, 0.0019717414397746325, 0.0007849644753150642],
  ],
  [
    'yarn',
    { rope_theta: 100, factor: 4, original_max_position_embeddings: 64, beta_fast: 8, beta_slow: 2 },
    8,
    [1.0, 0.19764235615730286, 0.02500000037252903, 0.007905694656074047],
  ],
  [
    'longrope',
    {
      ...{ rope_theta: 500000, factor: 4, original_max_position_embeddings: 12 },
      short_factor: [
        1.8185180746470708, 1.480745186630039, 1.315793105846444, 1.481218386236864, 1.7046691341409093,
      ],
      long_factor: [2, 3, 4, 5, 6],
    },
    10,
    [
      0.5498983263969421, 0.04894695058465004, 0.0039923107251524925, 0.00025703886058181524,
      1.618765054445248e-5,
    ],
  ],
])('%s has the frequencies of transformers', (kind, options, headWidth, expected) => {
  const config = { model_type: 'llama', rope_parameters: { rope_type: kind, ...options } };
  const { frequencies } = readWholeRotary(new ConfigurationReader(config), {
    headWidth,
    maxPositions: 100_000,
  });
  expect(frequencies).toEqual(expected);
});
