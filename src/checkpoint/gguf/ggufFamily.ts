// What a family of models is in a GGUF file: its metadata in the words of Hugging Face's config.json, and its tensors under
// the names and in the row order of transformers. Each family undoes what the converter of llama.cpp does to it. What is not
// named by a family is refused by name, because a guess gives wrong numbers silently.

import { listed, quoted } from '../../messages/wording.ts';
import { CheckpointError, type ModelConfiguration } from '../checkpoint.ts';
import type { GgufHeader, GgufTensor } from './ggufHeader.ts';
import type { GgufMetadata } from './ggufMetadata.ts';
import type { RowLayout } from './ggufRows.ts';

/** A file's metadata and tensors. */
export interface GgufModel {
  readonly metadata: GgufMetadata;
  readonly header: GgufHeader;
}

/** A tensor in transformers. */
export interface RenamedTensor {
  /** Several: the tensor is cut along its first axis into as many, which transformers keeps apart. */
  readonly names: readonly string[];
  readonly layout: RowLayout;
  /** From the shape in the file, without the axis that is cut, to that of transformers; absent: the same. */
  readonly reshape?: (shape: readonly number[]) => readonly number[];
}

export interface GgufFamily {
  /** Everything of the configuration but rope scaling and token ids. */
  readonly configuration: (model: GgufModel) => ModelConfiguration;
  /** Entries of the family's metadata that the configuration takes in, beside `usualEntries`. */
  readonly entries?: readonly string[];
  /** @returns undefined for a tensor that the family does not have */
  readonly rename: (name: string, model: GgufModel) => RenamedTensor | undefined;
}

export const same: RowLayout = { kind: 'same' };

/** Names outside the blocks, and names within them after `blk.N.`; without `.weight` or `.bias`. */
export interface NameTable {
  readonly outside: Readonly<Record<string, string>>;
  readonly blocks: string;
  readonly inside: Readonly<Record<string, string>>;
}

/** A tensor's name in parts: `blk.3.attn_q.weight` is `attn_q` of block 3. */
export interface TensorName {
  readonly block: string | undefined;
  readonly part: string;
  /** Absent for the few that are a module's own parameter. */
  readonly suffix: 'weight' | 'bias' | '';
}

export function partsOf(name: string): TensorName | undefined {
  const match = /^(?:blk\.(\d+)\.)?(\w+?)(?:\.(weight|bias))?$/.exec(name);
  if (!match) return undefined;
  const [, block, part = '', suffix] = match;
  return { block, part, suffix: suffix === 'weight' || suffix === 'bias' ? suffix : '' };
}

/** The name by a table, and what the layout of the tensor is; undefined where the table has no such tensor. */
export function renameBy(
  table: NameTable,
  name: string,
  layout: (part: string, suffix: string) => RowLayout = () => same,
): RenamedTensor | undefined {
  const found = partsOf(name);
  if (!found) return undefined;
  const { block, part, suffix } = found;
  const names = block === undefined ? table.outside : table.inside;
  const renamed = Object.hasOwn(names, part) ? names[part] : undefined;
  if (renamed === undefined) return undefined;
  const path = block === undefined ? renamed : `${table.blocks}.${block}.${renamed}`;
  return { names: [suffix === '' ? path : `${path}.${suffix}`], layout: layout(part, suffix) };
}

/** Entries of a family's metadata that every reader here takes in, or that say nothing of the arithmetic. */
const usualEntries: ReadonlySet<string> = new Set([
  'attention.head_count',
  'attention.head_count_kv',
  'attention.key_length',
  'attention.layer_norm_epsilon',
  'attention.layer_norm_rms_epsilon',
  'attention.value_length',
  'block_count',
  'context_length',
  'embedding_length',
  'feed_forward_length',
  'rope.dimension_count',
  'rope.freq_base',
  'rope.scale_linear',
  'rope.scaling.factor',
  'rope.scaling.finetuned',
  'rope.scaling.original_context_length',
  'rope.scaling.type',
  'rope.scaling.yarn_attn_factor',
  'rope.scaling.yarn_beta_fast',
  'rope.scaling.yarn_beta_slow',
  'tensor_data_layout',
  'vocab_size',
]);

/** Entries that say nothing with these values; others say nothing with 0, false or no text. */
const neutral: Readonly<Record<string, unknown>> = {
  'attention.causal': true,
  expert_gating_func: 1,
  expert_weights_norm: true,
  expert_weights_scale: 1,
};

/** What the file says and the family does not take in, unless it says that something is as usual. */
export function refuseOtherEntries({ metadata }: GgufModel, { entries = [] }: GgufFamily): void {
  for (const [key, value] of metadata.ownEntries()) {
    const isNothing = Object.hasOwn(neutral, key)
      ? value === neutral[key]
      : value === 0 || value === false || value === '';
    if (isNothing || usualEntries.has(key) || entries.includes(key)) continue;
    throw new CheckpointError(
      `${quoted(metadata.label)} sets ${quoted(metadata.own(key))} to ${described(value)}, which is not supported. ` +
        'Use a model without it, or a safetensors copy.',
    );
  }
}

const described = (value: unknown): string =>
  Array.isArray(value) ? `a list of ${value.length}` : String(value);

/** @throws CheckpointError when the file has no such tensor */
function tensorOf({ metadata, header }: GgufModel, name: string): GgufTensor {
  const tensor = header.tensors.get(name);
  if (tensor) return tensor;
  throw new CheckpointError(
    `Tensor ${quoted(name)} is missing in ${quoted(metadata.label)}. The file is incomplete; convert the model anew.`,
  );
}

/** Rows of a tensor: what some converters say wrongly in the metadata. */
export const rowsOf = (model: GgufModel, name: string): number => tensorOf(model, name).shape[0] ?? 0;

/** The vocabulary is as large as the embedding has rows; the metadata, where it says anything, has to agree. */
export function vocabularySize(model: GgufModel): number {
  const { metadata } = model;
  const rows = rowsOf(model, 'token_embd.weight');
  const said = metadata.optionalCount(metadata.own('vocab_size'));
  if (said !== undefined && said !== rows) {
    throw new CheckpointError(
      `${quoted(metadata.label)} says ${quoted(metadata.own('vocab_size'))} is ${said}, and 'token_embd.weight' has ${rows} rows. ` +
        'The file is damaged; fetch it again.',
    );
  }
  return rows;
}

export const isTied = ({ header }: GgufModel): boolean => !header.tensors.has('output.weight');

/** The family's own numbers, by the names of the metadata. */
export const sizesOf = ({ metadata }: GgufModel) => {
  const heads = () => metadata.count(metadata.own('attention.head_count'));
  return {
    hidden: metadata.count(metadata.own('embedding_length')),
    layers: metadata.count(metadata.own('block_count')),
    positions: metadata.count(metadata.own('context_length')),
    heads,
    keyHeads: () => metadata.optionalCount(metadata.own('attention.head_count_kv')) ?? heads(),
    theta: metadata.optionalNumber(metadata.own('rope.freq_base')) ?? 10000,
  };
};

/**
 * Width of a head.
 * @param isPartial whether the family rotates a part of it
 */
export function headWidth(model: GgufModel, isPartial = false): number {
  const { metadata } = model;
  const { hidden, heads } = sizesOf(model);
  const width = metadata.optionalCount(metadata.own('attention.key_length')) ?? hidden / heads();
  const values = metadata.optionalCount(metadata.own('attention.value_length')) ?? width;
  const rotated = isPartial ? width : (metadata.optionalCount(metadata.own('rope.dimension_count')) ?? width);
  if (!Number.isInteger(width) || values !== width || rotated !== width) {
    throw new CheckpointError(
      `${quoted(metadata.label)} has heads of width ${width}, values of width ${values} and rotates ${rotated}. ` +
        `The family ${metadata.architecture} is read with all three equal and whole.`,
    );
  }
  return width;
}

/** The share of a head that is rotated, such that truncating share times width gives the width back. */
export function rotaryShare(model: GgufModel): number {
  const { metadata } = model;
  const width = headWidth(model, true);
  const rotated = metadata.optionalCount(metadata.own('rope.dimension_count')) ?? width;
  const share = rotated / width;
  return Math.trunc(width * share) === rotated ? share : (rotated + 0.5) / width;
}

/** @throws CheckpointError for an architecture that is not among the known ones */
export function unknownFamily(metadata: GgufMetadata, known: readonly string[]): CheckpointError {
  return new CheckpointError(
    `${quoted(metadata.label)} holds a model of architecture ${quoted(metadata.architecture)}, which is not read from GGUF. ` +
      `Known: ${listed(known, 40)}. A safetensors copy of the model may be read.`,
  );
}
