// The families of models that GGUF files are read for: the metadata in the words of Hugging Face's config.json, and the
// tensor names and row orders of transformers. Each entry undoes what the converter of llama.cpp does to that family; a
// family whose conversion is not known here in full is refused by name, because a guess gives wrong numbers silently.

import { listed, quoted } from '../../messages/wording.ts';
import { CheckpointError, type ModelConfiguration } from '../checkpoint.ts';
import type { GgufHeader } from './ggufHeader.ts';
import type { GgufMetadata } from './ggufMetadata.ts';
import type { RowLayout } from './ggufRows.ts';

/** A tensor's name in transformers and how its rows lie in the file. */
export interface RenamedTensor {
  readonly name: string;
  readonly layout: RowLayout;
}

export interface GgufFamily {
  /** Everything of the configuration but rope scaling and token ids. */
  readonly configuration: (metadata: GgufMetadata, header: GgufHeader) => ModelConfiguration;
  /** @returns undefined for a tensor that the family does not have */
  readonly rename: (name: string, metadata: GgufMetadata) => RenamedTensor | undefined;
}

/** @throws CheckpointError when the family is not known; the message lists the known ones */
export function familyOf(metadata: GgufMetadata): GgufFamily {
  const family = families.get(metadata.architecture);
  if (family) return family;
  throw new CheckpointError(
    `${quoted(metadata.label)} holds a model of architecture ${quoted(metadata.architecture)}, which is not read from GGUF. ` +
      `Known: ${listed([...families.keys()])}. A safetensors copy of the model may be read.`,
  );
}

const same: RowLayout = { kind: 'same' };

/** Names outside the blocks, and names within them after `blk.N.`; both without `.weight` or `.bias`. */
interface NameTable {
  readonly outside: Readonly<Record<string, string>>;
  readonly blocks: string;
  readonly inside: Readonly<Record<string, string>>;
}

function renameBy(
  table: NameTable,
  name: string,
  layout: (part: string, suffix: string) => RowLayout,
): RenamedTensor | undefined {
  const match = /^(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)$/.exec(name);
  const [, block, part = '', suffix = ''] = match ?? [];
  const names = block === undefined ? table.outside : table.inside;
  const renamed = Object.hasOwn(names, part) ? names[part] : undefined;
  if (renamed === undefined) return undefined;
  const prefix = block === undefined ? '' : `${table.blocks}.${block}.`;
  return { name: `${prefix}${renamed}.${suffix}`, layout: layout(part, suffix) };
}

const llamaNames: NameTable = {
  outside: { token_embd: 'model.embed_tokens', output_norm: 'model.norm', output: 'lm_head' },
  blocks: 'model.layers',
  inside: {
    attn_norm: 'input_layernorm',
    attn_q: 'self_attn.q_proj',
    attn_k: 'self_attn.k_proj',
    attn_v: 'self_attn.v_proj',
    attn_output: 'self_attn.o_proj',
    ffn_norm: 'post_attention_layernorm',
    ffn_gate: 'mlp.gate_proj',
    ffn_up: 'mlp.up_proj',
    ffn_down: 'mlp.down_proj',
  },
};

const gpt2Names: NameTable = {
  outside: {
    token_embd: 'transformer.wte',
    position_embd: 'transformer.wpe',
    output_norm: 'transformer.ln_f',
    output: 'lm_head',
  },
  blocks: 'transformer.h',
  inside: {
    attn_norm: 'ln_1',
    attn_qkv: 'attn.c_attn',
    attn_output: 'attn.c_proj',
    ffn_norm: 'ln_2',
    ffn_up: 'mlp.c_fc',
    ffn_down: 'mlp.c_proj',
  },
};

const neoxNames: NameTable = {
  outside: { token_embd: 'gpt_neox.embed_in', output_norm: 'gpt_neox.final_layer_norm', output: 'embed_out' },
  blocks: 'gpt_neox.layers',
  inside: {
    attn_norm: 'input_layernorm',
    attn_qkv: 'attention.query_key_value',
    attn_output: 'attention.dense',
    ffn_norm: 'post_attention_layernorm',
    ffn_up: 'mlp.dense_h_to_4h',
    ffn_down: 'mlp.dense_4h_to_h',
  },
};

/** What a file must not say, because nothing here would honour it. */
function refuseOptions(metadata: GgufMetadata, keys: readonly string[]): void {
  for (const key of keys) {
    const value = metadata.optionalNumber(metadata.own(key));
    if (value === undefined || value === 0) continue;
    throw new CheckpointError(
      `${quoted(metadata.label)} sets ${quoted(metadata.own(key))} to ${value}, which is not supported. ` +
        'Use a model without it, or a safetensors copy.',
    );
  }
}

/** The vocabulary is as large as the embedding has rows; the metadata, where it says anything, has to agree. */
function vocabularySize(metadata: GgufMetadata, header: GgufHeader): number {
  const rows = header.tensors.get('token_embd.weight')?.shape[0];
  if (rows === undefined) {
    throw new CheckpointError(
      `Tensor 'token_embd.weight' is missing in ${quoted(metadata.label)}. The file is incomplete; convert the model anew.`,
    );
  }
  const said = metadata.optionalCount(metadata.own('vocab_size'));
  if (said !== undefined && said !== rows) {
    throw new CheckpointError(
      `${quoted(metadata.label)} says ${quoted(metadata.own('vocab_size'))} is ${said}, and 'token_embd.weight' has ${rows} rows. ` +
        'The file is damaged; fetch it again.',
    );
  }
  return rows;
}

/** Width of a head, for families that rotate all of it. */
function headWidth(metadata: GgufMetadata, hidden: number, heads: number): number {
  const width = metadata.optionalCount(metadata.own('attention.key_length')) ?? hidden / heads;
  const values = metadata.optionalCount(metadata.own('attention.value_length')) ?? width;
  const rotated = metadata.optionalCount(metadata.own('rope.dimension_count')) ?? width;
  if (!Number.isInteger(width) || values !== width || rotated !== width) {
    throw new CheckpointError(
      `${quoted(metadata.label)} has heads of width ${width}, values of width ${values} and rotates ${rotated}. ` +
        `The family ${metadata.architecture} is read with all three equal and whole.`,
    );
  }
  return width;
}

function llamaConfiguration(metadata: GgufMetadata, header: GgufHeader): ModelConfiguration {
  refuseOptions(metadata, ['expert_count', 'attention.sliding_window']);
  const hidden = metadata.count(metadata.own('embedding_length'));
  const heads = metadata.count(metadata.own('attention.head_count'));
  return {
    hidden_size: hidden,
    intermediate_size: metadata.count(metadata.own('feed_forward_length')),
    num_hidden_layers: metadata.count(metadata.own('block_count')),
    num_attention_heads: heads,
    num_key_value_heads: metadata.optionalCount(metadata.own('attention.head_count_kv')) ?? heads,
    head_dim: headWidth(metadata, hidden, heads),
    hidden_act: 'silu',
    max_position_embeddings: metadata.count(metadata.own('context_length')),
    rms_norm_eps: metadata.number(metadata.own('attention.layer_norm_rms_epsilon')),
    rope_theta: metadata.optionalNumber(metadata.own('rope.freq_base')) ?? 10000,
    vocab_size: vocabularySize(metadata, header),
    tie_word_embeddings: !header.tensors.has('output.weight'),
  };
}

const families: ReadonlyMap<string, GgufFamily> = new Map<string, GgufFamily>([
  [
    'llama',
    {
      configuration: (metadata, header) => ({
        model_type: 'llama',
        architectures: ['LlamaForCausalLM'],
        ...llamaConfiguration(metadata, header),
        attention_bias: header.tensors.has('blk.0.attn_q.bias'),
        mlp_bias: header.tensors.has('blk.0.ffn_up.bias'),
      }),
      rename: (name, metadata) =>
        renameBy(llamaNames, name, (part) => {
          if (part !== 'attn_q' && part !== 'attn_k') return same;
          const heads = metadata.count(metadata.own('attention.head_count'));
          const keyHeads = metadata.optionalCount(metadata.own('attention.head_count_kv')) ?? heads;
          return { kind: 'rotary', heads: part === 'attn_q' ? heads : keyHeads };
        }),
    },
  ],
  [
    'qwen2',
    {
      configuration: (metadata, header) => ({
        model_type: 'qwen2',
        architectures: ['Qwen2ForCausalLM'],
        ...llamaConfiguration(metadata, header),
        use_sliding_window: false,
      }),
      rename: (name) => renameBy(llamaNames, name, () => same),
    },
  ],
  [
    'gpt2',
    {
      configuration: (metadata, header) => {
        const hidden = metadata.count(metadata.own('embedding_length'));
        return {
          model_type: 'gpt2',
          architectures: ['GPT2LMHeadModel'],
          n_embd: hidden,
          n_head: metadata.count(metadata.own('attention.head_count')),
          n_layer: metadata.count(metadata.own('block_count')),
          n_inner: metadata.optionalCount(metadata.own('feed_forward_length')) ?? 4 * hidden,
          n_positions: metadata.count(metadata.own('context_length')),
          layer_norm_epsilon: metadata.number(metadata.own('attention.layer_norm_epsilon')),
          activation_function: 'gelu_new',
          vocab_size: vocabularySize(metadata, header),
          tie_word_embeddings: !header.tensors.has('output.weight'),
        };
      },
      rename: (name) =>
        renameBy(gpt2Names, name, (part, suffix) => {
          const isProjection =
            suffix === 'weight' && ['attn_qkv', 'attn_output', 'ffn_up', 'ffn_down'].includes(part);
          return isProjection ? { kind: 'transposed' } : same;
        }),
    },
  ],
  [
    'gptneox',
    {
      configuration: (metadata, header) => {
        const hidden = metadata.count(metadata.own('embedding_length'));
        const heads = metadata.count(metadata.own('attention.head_count'));
        const rotated = metadata.count(metadata.own('rope.dimension_count'));
        return {
          model_type: 'gpt_neox',
          architectures: ['GPTNeoXForCausalLM'],
          hidden_size: hidden,
          intermediate_size: metadata.count(metadata.own('feed_forward_length')),
          num_hidden_layers: metadata.count(metadata.own('block_count')),
          num_attention_heads: heads,
          hidden_act: 'gelu',
          max_position_embeddings: metadata.count(metadata.own('context_length')),
          layer_norm_eps: metadata.number(metadata.own('attention.layer_norm_epsilon')),
          rotary_pct: rotaryShare(rotated, hidden / heads),
          rotary_emb_base: metadata.optionalNumber(metadata.own('rope.freq_base')) ?? 10000,
          use_parallel_residual: metadata.optionalBoolean(metadata.own('use_parallel_residual')) ?? true,
          attention_bias: header.tensors.has('blk.0.attn_qkv.bias'),
          vocab_size: vocabularySize(metadata, header),
          tie_word_embeddings: !header.tensors.has('output.weight'),
        };
      },
      rename: (name, metadata) =>
        renameBy(neoxNames, name, (part) =>
          part === 'attn_qkv'
            ? { kind: 'fused', heads: metadata.count(metadata.own('attention.head_count')) }
            : same,
        ),
    },
  ],
]);

/** The share of a head that is rotated, such that truncating share times width gives the width back. */
function rotaryShare(rotated: number, width: number): number {
  const share = rotated / width;
  return Math.trunc(width * share) === rotated ? share : (rotated + 0.5) / width;
}
