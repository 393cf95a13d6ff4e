// A mixture whose router is to choose more experts than there are.

import { expect, test } from 'vitest';
import { describeArchitecture } from './registry.ts';

const sizes = {
  vocab_size: 31,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 4,
};

test.each([
  ['mixtral', { num_local_experts: 3, num_experts_per_tok: 4 }],
  ['qwen3_moe', { num_experts: 3, num_experts_per_tok: 4, moe_intermediate_size: 6 }],
])('a %s of 4 chosen among 3 experts is refused by the name of the option', (model_type, options) => {
  const architectureOf = (more: object) =>
    describeArchitecture({ model_type, ...sizes, ...options, ...more }, new Set());
  expect(() => architectureOf({})).toThrow(/'num_experts_per_tok'.* 4/);
  expect(architectureOf({ num_experts_per_tok: 3 }).modelType).toBe(model_type);
});
