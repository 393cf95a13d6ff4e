import { expect, test } from 'vitest';
import { otherName } from '../../architectures/otherNames.ts';
import { architectureOf } from '../../architectures/registry.ts';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { describeComponent } from './sites.ts';

test.each([
  ['resid_pre', "what TransformerLens calls 'resid_pre' is 'block_input' here"],
  ['hook_resid_mid', "what TransformerLens calls 'resid_mid' is 'block_middle' here"],
  ['hook_resid_post', "what TransformerLens calls 'resid_post' is 'block_output' here"],
  ['blocks.3.attn.hook_z', "what TransformerLens calls 'z' is 'head_attention_value_output' here"],
  ['blocks.0.mlp.hook_post', "what TransformerLens calls 'post' is 'mlp_activation' here"],
  [
    'model.layers[3].self_attn.q_proj',
    "the output of the module 'model.layers.3.self_attn.q_proj' is 'query_output' at layer 3 here",
  ],
  [
    'transformer.h.2.mlp.input',
    "the input of the module 'transformer.h.2.mlp' is 'mlp_input' at layer 2 here",
  ],
  ['model.layers[1].output', "the output of the module 'model.layers.1' is 'block_output' at layer 1 here"],
])('%s is answered with the name that it has here', (name, sentence) => {
  expect(otherName(name)).toBe(sentence);
});

test('names of nobody are left to the nearest one', () => {
  expect(['mlp_ouput', 'attn', 'constructor', 'a.b.c'].map((name) => otherName(name))).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test('wherever a component is named, a name of TransformerLens is answered, and one without a place here explained', () => {
  const parallel = architectureOf(tinyCheckpoint(tinyConfigurations.gpt_neox));
  const architecture = architectureOf(tinyCheckpoint(tinyConfigurations.gpt2));
  expect(() => describeComponent(architecture, 'hook_attn_out')).toThrow(
    /^Component 'hook_attn_out' does not exist in gpt2\. .*Known: embedding_output, .* What TransformerLens calls 'attn_out' is 'attention_output' here\.$/,
  );
  const gemma2 = { ...tinyConfigurations.llama, model_type: 'gemma2', head_dim: 4 };
  expect(() => describeComponent(architectureOf(tinyCheckpoint(gemma2)), 'hook_attn_out')).toThrow(
    "What TransformerLens calls 'attn_out' is not a component in this model: it stands behind a norm, and 'attention_output' here before it.",
  );
  expect(() => describeComponent(architecture, 'resid_mid')).toThrow(
    "What TransformerLens calls 'resid_mid' is 'block_middle' here.",
  );
  expect(() => describeComponent(parallel, 'resid_mid')).toThrow(
    "What TransformerLens calls 'resid_mid' has no place in this model:",
  );
});

test.each([
  [
    'attention_output',
    /^Component 'attention_output' does not exist in mamba.* A state-space model has no attention: 'mixer_output' is/,
  ],
  ['head_query_output', /A state-space model has no attention/],
  ['mlp_output', /A state-space model has no MLP/],
  ['attn_out', /A state-space model has no attention/],
])('a state-space model that is asked for %s says what it has instead', (name, sentence) => {
  const config = { model_type: 'mamba', hidden_size: 8, num_hidden_layers: 2, state_size: 4, vocab_size: 31 };
  const architecture = architectureOf(tinyCheckpoint(config));
  expect(() => describeComponent(architecture, name)).toThrow(sentence);
});
