import { describe, expect, test } from 'vitest';
import type { Checkpoint, ModelConfiguration, TensorInfo } from '../checkpoint/checkpoint.ts';
import { UnsupportedModelError } from './architecture.ts';
import { architectureOf, describeArchitecture, weightSources } from './registry.ts';

const gpt2: ModelConfiguration = { model_type: 'gpt2', n_embd: 12, n_layer: 2, n_head: 4, vocab_size: 31 };
const llama: ModelConfiguration = {
  model_type: 'llama',
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 24,
  vocab_size: 31,
};
const neox: ModelConfiguration = {
  model_type: 'gpt_neox',
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 24,
  vocab_size: 31,
};
const qwen2: ModelConfiguration = { ...llama, model_type: 'qwen2' };
const mistral: ModelConfiguration = { ...llama, model_type: 'mistral' };

const described = (config: ModelConfiguration) => describeArchitecture(config, new Set());

/** The message with which a configuration is refused. */
function refusal(config: ModelConfiguration): string {
  try {
    described(config);
  } catch (error) {
    if (error instanceof UnsupportedModelError) return error.message;
    throw error;
  }
  return 'taken';
}

describe('a configuration that cannot be honoured is refused in one sentence', () => {
  const cases: readonly (readonly [string, ModelConfiguration, string])[] = [
    [
      'an unknown model type',
      { model_type: 'rwkv' },
      "Model type 'rwkv' is not supported. Known: gpt2, gpt_neox, llama, mistral, qwen2, qwen3,",
    ],
    [
      'a model type whose name is near a known one',
      { model_type: 'qwen2_vl' },
      "Model type 'qwen2_vl' is not supported. The nearest known family is 'qwen2'. An ONNX export of the model opens too: MODEL.onnx, on the command line.",
    ],
    [
      'a model type whose block is near a known one',
      { model_type: 'codegen' },
      "Model type 'codegen' is not supported. The nearest known family is 'gptj'. An ONNX export of the model opens too: MODEL.onnx, on the command line.",
    ],
    ['a model type that is a word of JavaScript', { model_type: 'constructor' }, "Model type 'constructor'"],
    ['no model type', {}, "config.json has no 'model_type', so the architecture is not known."],
    [
      'an unknown activation',
      { ...gpt2, activation_function: 'swiglu' },
      "Activation function 'swiglu' is not supported. Known: gelu,",
    ],
    [
      'an activation that is a word of JavaScript',
      { ...llama, hidden_act: 'toString' },
      "Activation function 'toString' is not supported.",
    ],
    [
      'an option that is missing',
      { ...gpt2, n_head: undefined },
      "config.json of this gpt2 model needs 'n_head' to be a whole number from 1 to 2147483648; it is missing.",
    ],
    ['an option of another type', { ...llama, vocab_size: '31' }, `'vocab_size' to be a whole number`],
    [
      'a flag of another type',
      { ...llama, tie_word_embeddings: 1 },
      "'tie_word_embeddings' to be true or false; it is 1.",
    ],
    [
      'a name of another type',
      { ...neox, hidden_act: ['gelu'] },
      `'hidden_act' to be a string; it is ["gelu"].`,
    ],
    [
      'a thousand million layers',
      { ...gpt2, n_layer: 1e9 },
      "'n_layer' to be a whole number from 1 to 4096; it is 1000000000.",
    ],
    [
      'a negative size',
      { ...llama, hidden_size: -16 },
      "'hidden_size' to be a whole number from 1 to 2147483648; it is -16.",
    ],
    [
      'no layers',
      { ...neox, num_hidden_layers: 0 },
      "'num_hidden_layers' to be a whole number from 1 to 4096; it is 0.",
    ],
    ['half a head', { ...neox, num_attention_heads: 2.5 }, "'num_attention_heads' to be a whole number"],
    [
      'a size that no machine holds',
      { ...llama, intermediate_size: 1e12 },
      "'intermediate_size' to be a whole number",
    ],
    [
      'a negative epsilon',
      { ...llama, rms_norm_eps: -1 },
      "'rms_norm_eps' to be a number from 0 on; it is -1.",
    ],
    [
      'heads that do not divide the width',
      { ...gpt2, n_head: 5 },
      'config.json of this gpt2 model: n_embd by n_head (12 by 5) leaves a remainder.',
    ],
    [
      'key-value heads that do not divide the heads',
      { ...llama, num_key_value_heads: 3 },
      'num_attention_heads by num_key_value_heads (4 by 3) leaves a remainder.',
    ],
    [
      'a scaling of rotations that is not known',
      { ...llama, rope_scaling: { rope_type: 'proportional', factor: 4 } },
      "config.json asks for rope scaling 'proportional', which is not supported. Known: default, linear, llama3, yarn, longrope.",
    ],
    [
      'longrope with a divisor too few',
      { ...llama, rope_scaling: { rope_type: 'longrope', short_factor: [1], long_factor: [1, 2] } },
      "rope options of type 'longrope' need 'short_factor' to be 2 positive numbers; it is [1].",
    ],
    [
      'dynamic scaling, in old words',
      { ...neox, rope_scaling: { type: 'dynamic', factor: 2 } },
      "rope scaling 'dynamic'",
    ],
    [
      'linear scaling without a factor',
      { ...llama, rope_parameters: { rope_type: 'linear', rope_theta: 1e4 } },
      "rope options of type 'linear' need 'factor' to be a positive number; it is missing.",
    ],
    ['a rope base of zero', { ...llama, rope_theta: 0 }, "'rope_theta' to be a positive number; it is 0."],
    [
      'rope options in no section',
      { ...llama, rope_scaling: 'linear' },
      `'rope_scaling' to be an object; it is "linear".`,
    ],
    [
      'rope options for each kind of layer',
      { ...qwen2, rope_parameters: { full_attention: { rope_theta: 1e4 } } },
      "rope options of their own to 'full_attention'",
    ],
    [
      'heads of odd width, rotated whole',
      { ...llama, head_dim: 5 },
      '5 rotary entries (1 of a head of 5) do not form pairs',
    ],
    [
      'a part of the head in a family that turns it whole',
      { ...llama, partial_rotary_factor: 0.5 },
      "'partial_rotary_factor' to 0.5",
    ],
    [
      'more than the head',
      { ...neox, rotary_pct: 1.5 },
      '12 rotary entries (1.5 of a head of 8) do not form pairs within the head.',
    ],
    [
      'cross-attention',
      { ...gpt2, add_cross_attention: true },
      "config.json sets 'add_cross_attention' to true, which Patchbay does not support for gpt2 models; use a decoder without cross-attention.",
    ],
    ['attention to later positions', { ...llama, is_causal: false }, "config.json sets 'is_causal' to false"],
    [
      'weights that another library packed',
      { ...llama, quantization_config: { quant_method: 'gptq', bits: 4 } },
      `config.json sets 'quantization_config' to {"quant_method":"gptq","bits":4}`,
    ],
    [
      'a kind of layer that is not known',
      { ...qwen2, use_sliding_window: true, layer_types: ['full_attention', 'linear_attention'] },
      'layer type "linear_attention" is not supported. Known: full_attention, sliding_attention.',
    ],
    [
      'kinds for another number of layers',
      { ...qwen2, layer_types: ['full_attention'] },
      'layer_types must list 2 layers.',
    ],
    [
      'sliding layers while the window is off',
      { ...qwen2, layer_types: ['full_attention', 'sliding_attention'] },
      'but the window is off. Set use_sliding_window and sliding_window.',
    ],
    ['a window of nothing', { ...mistral, sliding_window: 0 }, "'sliding_window' to be a whole number"],
  ];
  test.each(cases)('%s', (_, config, sentence) => {
    const message = refusal(config);
    expect(message).toContain(sentence);
    expect(message.length).toBeLessThan(300);
  });

  test('a long value is shown only as it begins', () => {
    expect(refusal({ ...llama, hidden_size: 'x'.repeat(1e6) }).length).toBeLessThan(250);
  });
});

test('the description of attention scores says what was made of the products', () => {
  const scores = (config: ModelConfiguration) =>
    described(config).components.find(({ name }) => name === 'attention_scores')?.description;
  const gemma2 = { ...llama, head_dim: 4, model_type: 'gemma2' };
  const end = 'before softmax; later positions are masked.';
  expect(scores(llama)).toBe(`Scaled products of queries and keys, ${end}`);
  expect(scores(gemma2)).toBe(`Scaled products of queries and keys, soft-capped, ${end}`);
  expect(scores({ ...gemma2, attn_logit_softcapping: null })).toBe(
    `Scaled products of queries and keys, ${end}`,
  );
  expect(scores({ model_type: 'bloom', hidden_size: 12, n_layer: 1, n_head: 3, vocab_size: 31 })).toBe(
    `Scaled products of queries and keys, with the bias by position added, ${end}`,
  );
});

test('what is left out is what transformers takes for it', () => {
  expect(described(gpt2)).toMatchObject({ maxPositions: 1024, layerCount: 2, headCount: 4 });
  expect(described(llama).maxPositions).toBe(2048);
  expect(described(mistral).maxPositions).toBe(131072);
  expect(described(qwen2).maxPositions).toBe(32768);
  const width = (config: ModelConfiguration, name: string) =>
    described(config).components.find((component) => component.name === name)?.width;
  expect(width(gpt2, 'mlp_activation')).toBe(48);
  expect(width({ ...gpt2, n_inner: null }, 'mlp_activation')).toBe(48);
  expect(width({ ...gpt2, n_inner: 7 }, 'mlp_activation')).toBe(7);
  expect(width(llama, 'key_output')).toBe(8);
  expect(width({ ...llama, num_key_value_heads: null }, 'key_output')).toBe(16);
  expect(width({ ...llama, head_dim: 6 }, 'query_output')).toBe(24);
  // The window of a mistral model is 4096 unless it says otherwise; null says none.
  expect(described(mistral).blocks[0]?.key).toBe('sliding block');
  expect(described({ ...mistral, sliding_window: null }).blocks[0]?.key).toBe('block');
  expect(
    described({ ...qwen2, use_sliding_window: true, max_window_layers: 1 }).blocks.map(({ key }) => key),
  ).toEqual(['block', 'sliding block']);
});

/** A checkpoint that has just the tensors a configuration calls for, and then some changes. */
function checkpointOf(
  config: ModelConfiguration,
  change: (tensors: Map<string, TensorInfo>) => void,
): Checkpoint {
  const tensors = new Map<string, TensorInfo>();
  const add = (name: string, shape: readonly number[]) =>
    tensors.set(name, { name, dtype: 'F32', shape, sizeBytes: 4 * shape.reduce((a, b) => a * b, 1) });
  for (const source of weightSources(described(config))) {
    if (source.kind === 'tensor') add(source.tensor, source.shape);
  }
  change(tensors);
  const nothing = async (): Promise<never> => {
    throw new Error('Nothing is read before the tensors are checked.');
  };
  return { label: 'tiny', config, tensors, read: nothing, tokenizer: nothing, close: async () => undefined };
}
const info = (name: string, shape: readonly number[]): TensorInfo => ({
  name,
  dtype: 'F32',
  shape,
  sizeBytes: 4,
});

describe('tensors are compared with the configuration', () => {
  test('a tensor that is missing is named', () => {
    const checkpoint = checkpointOf(gpt2, (tensors) => tensors.delete('transformer.h.1.mlp.c_fc.weight'));
    expect(() => architectureOf(checkpoint)).toThrow(
      "tiny has no tensor 'transformer.h.1.mlp.c_fc.weight', which its config.json (gpt2) calls for. The files may belong to another checkpoint.",
    );
  });

  test('a tensor that is too many is named', () => {
    const name = 'model.layers.2.mlp.up_proj.weight';
    const checkpoint = checkpointOf(llama, (tensors) => tensors.set(name, info(name, [24, 16])));
    expect(() => architectureOf(checkpoint)).toThrow(
      `tiny holds tensor '${name}', which has no place in a llama model of 2 layers.`,
    );
  });

  test('a tensor of another shape is named with both shapes', () => {
    const name = 'gpt_neox.layers.0.mlp.dense_h_to_4h.weight';
    for (const shape of [[16, 24], [24], [24, 16, 1], []]) {
      const checkpoint = checkpointOf(neox, (tensors) => tensors.set(name, info(name, shape)));
      expect(() => architectureOf(checkpoint)).toThrow(
        `Tensor '${name}' of tiny has shape [${shape.join(', ')}]; the configuration asks for [24, 16].`,
      );
    }
  });

  test('a bias that the configuration leaves out is too many, and one that it asks for is missing', () => {
    const name = 'model.layers.0.self_attn.q_proj.bias';
    const extra = checkpointOf(llama, (tensors) => tensors.set(name, info(name, [16])));
    expect(() => architectureOf(extra)).toThrow(`holds tensor '${name}'`);
    const { tensors } = checkpointOf(llama, () => undefined);
    const missing = { ...extra, config: { ...llama, attention_bias: true }, tensors };
    expect(() => architectureOf(missing)).toThrow(`has no tensor '${name}'`);
  });

  test('masks, frequencies and the copy of a tied head have a place, though nothing needs them', () => {
    const extras: readonly (readonly [ModelConfiguration, readonly string[]])[] = [
      [gpt2, ['transformer.h.0.attn.bias', 'transformer.h.1.attn.masked_bias', 'lm_head.weight']],
      [llama, ['model.layers.0.self_attn.rotary_emb.inv_freq', 'model.rotary_emb.inv_freq']],
      [neox, ['gpt_neox.layers.1.attention.rotary_emb.inv_freq', 'gpt_neox.layers.0.attention.masked_bias']],
    ];
    for (const [config, names] of extras) {
      const checkpoint = checkpointOf(config, (tensors) => {
        for (const name of names) tensors.set(name, info(name, [1]));
      });
      expect(architectureOf(checkpoint).modelType).toBe(config.model_type);
    }
    const untied = checkpointOf({ ...gpt2, tie_word_embeddings: false }, (tensors) =>
      tensors.delete('lm_head.weight'),
    );
    expect(() => architectureOf(untied)).toThrow("has no tensor 'lm_head.weight'");
  });

  test('GPT-2 is also read from files without the prefix', () => {
    const whole = checkpointOf(gpt2, () => undefined);
    const tensors = new Map(
      [...whole.tensors].map(([name, value]) => [name.replace('transformer.', ''), value] as const),
    );
    expect(architectureOf({ ...whole, tensors }).blocks[0]?.weights['ln_1.weight']).toMatchObject({
      tensor: 'h.0.ln_1.weight',
    });
  });
});
