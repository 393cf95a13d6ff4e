// Rope scaling of a GGUF file in the words of config.json. Linear scaling stands in the metadata. LLaMA 3's does not: the
// converter writes the factor of each frequency as the tensor `rope_freqs.weight`, from which the parameters are found
// again, and they are only believed when they give exactly these factors.

import { quoted } from '../../messages/wording.ts';
import { CheckpointError } from '../checkpoint.ts';
import type { ByteSource } from '../sources/byteSource.ts';
import { expand } from '../storage/expand.ts';
import { elementCountOf } from '../storage/storage.ts';
import type { GgufHeader } from './ggufHeader.ts';
import type { GgufMetadata } from './ggufMetadata.ts';

/** The tensor that holds factors of frequencies; it is no weight, so it is not listed among the tensors. */
export const ropeFactorsName = 'rope_freqs.weight';

/** `rope_scaling` of config.json. */
export type RopeScaling =
  | { readonly rope_type: 'linear'; readonly factor: number }
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
  metadata: GgufMetadata,
  header: GgufHeader,
  theta: number,
  signal?: AbortSignal,
): Promise<RopeScaling | null> {
  const linear = linearScaling(metadata);
  const tensor = header.tensors.get(ropeFactorsName);
  if (!tensor) return linear;
  const bytes = await source.read(tensor.offset, tensor.sizeBytes, signal);
  const factors = expand(tensor.dtype, bytes, elementCountOf(tensor.shape) ?? 0);
  if (factors.every((factor) => factor === 1)) return linear;
  const scaling = llama3Scaling(factors, theta);
  if (scaling && !linear) return scaling;
  throw new CheckpointError(
    `${quoted(metadata.label)} scales its rotary frequencies by factors that are not LLaMA 3's. ` +
      'Supported are no scaling, linear and llama3.',
  );
}

function linearScaling(metadata: GgufMetadata): RopeScaling | null {
  const factor =
    metadata.optionalNumber(metadata.own('rope.scaling.factor')) ??
    metadata.optionalNumber(metadata.own('rope.scale_linear')) ??
    1;
  const type = metadata.optionalString(metadata.own('rope.scaling.type')) ?? 'linear';
  if (type === 'none') return null;
  if (type !== 'linear') {
    throw new CheckpointError(
      `${quoted(metadata.label)} has rope scaling of type ${quoted(type)}, which is not supported. ` +
        'Supported are none, linear and llama3.',
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
