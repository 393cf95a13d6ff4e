// Rope scaling of a GGUF file in the words of config.json. Linear scaling and YaRN stand in the metadata. LLaMA 3's does not:
// the converter writes the factor of each frequency as the tensor `rope_freqs.weight`, from which the parameters are found
// again, and they are only believed when they give exactly these factors. LongRoPE's two lists are tensors too.

import { quoted } from '../../messages/wording.ts';
import { CheckpointError } from '../checkpoint.ts';
import type { ByteSource } from '../sources/byteSource.ts';
import { expand } from '../storage/expand.ts';
import { elementCountOf } from '../storage/storage.ts';
import type { GgufModel } from './ggufFamily.ts';
import type { GgufMetadata } from './ggufMetadata.ts';

const ropeFactorsName = 'rope_freqs.weight';
const [longName, shortName] = ['rope_factors_long.weight', 'rope_factors_short.weight'];

/** Tensors that hold factors of frequencies; they are no weights, so they are not listed among the tensors. */
export const ropeFactorNames: ReadonlySet<string> = new Set([ropeFactorsName, longName, shortName]);

/** `rope_scaling` of config.json. */
export type RopeScaling =
  | { readonly rope_type: 'linear'; readonly factor: number }
  | {
      readonly rope_type: 'yarn';
      readonly factor: number;
      readonly original_max_position_embeddings: number;
      readonly attention_factor?: number;
      readonly beta_fast?: number;
      readonly beta_slow?: number;
    }
  | {
      readonly rope_type: 'longrope';
      readonly long_factor: readonly number[];
      readonly short_factor: readonly number[];
      readonly attention_factor?: number;
    }
  | {
      readonly rope_type: 'llama3';
      readonly factor: number;
      readonly low_freq_factor: number;
      readonly high_freq_factor: number;
      readonly original_max_position_embeddings: number;
    };

/**
 * @param theta base of the rotary frequencies
 * @returns null when positions are not scaled
 * @throws CheckpointError when they are scaled in a way that is not supported
 */
export async function readRopeScaling(
  source: ByteSource,
  model: GgufModel,
  theta: number,
  signal?: AbortSignal,
): Promise<RopeScaling | null> {
  const { metadata } = model;
  const factorsOf = async (name: string): Promise<Float32Array | undefined> => {
    const tensor = model.header.tensors.get(name);
    if (!tensor) return undefined;
    const bytes = await source.read(tensor.offset, tensor.sizeBytes, signal);
    return expand(tensor.dtype, bytes, elementCountOf(tensor.shape) ?? 0);
  };
  const said = saidScaling(metadata);
  const [long, short] = [await factorsOf(longName), await factorsOf(shortName)];
  if (long && short && !said) return longScaling(metadata, long, short);
  const factors = await factorsOf(ropeFactorsName);
  const isLong = long !== undefined || short !== undefined || isOfType(metadata, 'longrope');
  if (!isLong && (!factors || factors.every((factor) => factor === 1))) return said;
  const scaling = factors && !isLong ? llama3Scaling(factors, theta) : undefined;
  if (scaling && !said) return scaling;
  throw new CheckpointError(
    `${quoted(metadata.label)} scales its rotary frequencies by factors that are not LLaMA 3's. ` +
      `Supported are ${supported}.`,
  );
}

const supported = 'no scaling, linear, yarn, llama3, and longrope with both of its lists';

const isOfType = (metadata: GgufMetadata, type: string): boolean =>
  metadata.optionalString(metadata.own('rope.scaling.type')) === type;

function longScaling(metadata: GgufMetadata, long: Float32Array, short: Float32Array): RopeScaling {
  const amplitude = metadata.optionalNumber(metadata.own('rope.scaling.attn_factor'));
  return {
    rope_type: 'longrope',
    long_factor: [...long],
    short_factor: [...short],
    ...(amplitude === undefined ? {} : { attention_factor: amplitude }),
  };
}

/** What the metadata says. */
function saidScaling(metadata: GgufMetadata): RopeScaling | null {
  const number = (key: string) => metadata.optionalNumber(metadata.own(`rope.${key}`));
  const factor = number('scaling.factor') ?? number('scale_linear') ?? 1;
  const type = metadata.optionalString(metadata.own('rope.scaling.type')) ?? 'linear';
  if (type === 'none' || type === 'longrope') return null;
  if (type === 'yarn') {
    const [amplitude, fast, slow] = ['attn_factor', 'beta_fast', 'beta_slow'].map((key) =>
      number(`scaling.yarn_${key}`),
    );
    return {
      rope_type: 'yarn',
      factor: metadata.number(metadata.own('rope.scaling.factor')),
      original_max_position_embeddings: metadata.count(metadata.own('rope.scaling.original_context_length')),
      ...(amplitude === undefined ? {} : { attention_factor: amplitude }),
      ...(fast === undefined ? {} : { beta_fast: fast }),
      ...(slow === undefined ? {} : { beta_slow: slow }),
    };
  }
  if (type !== 'linear') {
    throw new CheckpointError(
      `${quoted(metadata.label)} has rope scaling of type ${quoted(type)}, which is not supported. ` +
        `Supported are ${supported}.`,
    );
  }
  // The converters write 0 where a configuration says nothing.
  return factor === 1 || factor === 0 ? null : { rope_type: 'linear', factor };
}

/** Every published model of this kind has these. */
const lowFrequencyFactor = 1;
const highFrequencyFactor = 4;
const originalPositions = 8192;

function llama3Scaling(factors: Float32Array, theta: number): RopeScaling | undefined {
  const factor = Math.max(...factors);
  const matches = factors.every((stored, index) => {
    const wavelength = 2 * Math.PI * theta ** (index / factors.length);
    const cycles = originalPositions / wavelength;
    const smooth = (cycles - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
    const expected = smooth > 1 ? 1 : smooth < 0 ? factor : 1 / ((1 - smooth) / factor + smooth);
    return Math.abs(stored - expected) <= 1e-3 * expected;
  });
  if (!matches) return undefined;
  return {
    rope_type: 'llama3',
    factor,
    low_freq_factor: lowFrequencyFactor,
    high_freq_factor: highFrequencyFactor,
    original_max_position_embeddings: originalPositions,
  };
}
