// What a file may say and no family takes in is refused by name.

import { expect, test } from 'vitest';
import { familyOf } from './ggufFamilies.ts';
import { refuseOtherEntries } from './ggufFamily.ts';
import type { MetadataValue } from './ggufHeader.ts';
import { GgufMetadata } from './ggufMetadata.ts';

function refusal(architecture: string, key: string, value: MetadataValue): string | undefined {
  const metadata = new Map<string, MetadataValue>([
    ['general.architecture', architecture],
    [`${architecture}.${key}`, value],
    ['other.attention.clamp_kqv', 3],
  ]);
  const header = { metadata, tensors: new Map() };
  const model = { header, metadata: new GgufMetadata('tiny.gguf', header) };
  try {
    refuseOtherEntries(model, familyOf(model.metadata));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test.each<readonly [string, string, MetadataValue, RegExp]>([
  ['llama', 'attention.sliding_window', 4096, /'tiny.gguf' sets 'llama.attention.sliding_window' to 4096/],
  ['qwen3moe', 'expert_shared_count', 1, /'qwen3moe.expert_shared_count' to 1/],
  ['qwen3moe', 'expert_weights_norm', false, /'qwen3moe.expert_weights_norm' to false/],
  ['qwen3', 'attention.causal', false, /'qwen3.attention.causal' to false/],
  ['olmo2', 'attention.sliding_window_pattern', [true, false], /to a list of 2, which is not supported/],
  ['gemma', 'final_logit_softcapping', 30, /'gemma.final_logit_softcapping' to 30/],
  ['mamba', 'ssm.dt_b_c_rms', true, /'mamba.ssm.dt_b_c_rms' to true/],
  ['bloom', 'attention.clamp_kqv', 8, /'bloom.attention.clamp_kqv' to 8/],
  ['command-r', 'rope.scaling.yarn_ext_factor', 1, /'command-r.rope.scaling.yarn_ext_factor' to 1/],
])('%s that sets %s to %s is refused', (architecture, key, value, sentence) => {
  expect(refusal(architecture, key, value)).toMatch(sentence);
});

test.each<readonly [string, string, MetadataValue]>([
  ['llama', 'expert_count', 8],
  ['llama', 'attention.sliding_window', 0],
  ['qwen3', 'attention.causal', true],
  ['gemma2', 'final_logit_softcapping', 30],
  ['mamba', 'ssm.dt_b_c_rms', false],
  ['falcon', 'tensor_data_layout', 'jploski'],
])('%s may set %s to %s', (architecture, key, value) => {
  expect(refusal(architecture, key, value)).toBeUndefined();
});

test('an architecture that is not read is named beside those that are', () => {
  const header = { metadata: new Map([['general.architecture', 'rwkv7']]), tensors: new Map() };
  const metadata = new GgufMetadata('tiny.gguf', header);
  expect(() => familyOf(metadata)).toThrow(
    /architecture 'rwkv7', which is not read from GGUF. Known: .*qwen3moe.*mamba2/,
  );
});
