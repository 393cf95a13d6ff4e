// Vectors from files: safetensors, and the control vectors of llama.cpp in GGUF.

import { listed, quoted } from '../../messages/wording.ts';
import { CheckpointError, type TensorInfo } from '../checkpoint.ts';
import { type GgufHeader, readGgufHeader } from '../gguf/ggufHeader.ts';
import { readSafetensorsHeader } from '../safetensors/safetensors.ts';
import type { ByteSource } from '../sources/byteSource.ts';
import { expand } from '../storage/expand.ts';
import { elementCountOf } from '../storage/storage.ts';

/** No state of a model is wider. */
const largestVector = 1 << 20;

async function readVector(
  source: ByteSource,
  { name, dtype, shape, sizeBytes }: TensorInfo,
  offset: number,
): Promise<Float32Array> {
  const count = elementCountOf(shape) ?? Number.POSITIVE_INFINITY;
  if (count > largestVector)
    throw new CheckpointError(
      `Tensor ${quoted(name)} in ${quoted(source.label)} has shape [${shape.join(', ')}], and is not a vector.`,
    );
  return expand(dtype, await source.read(offset, sizeBytes), count).slice();
}

/**
 * A tensor of a safetensors file.
 * @param name may be left out where there is only one
 * @throws CheckpointError when there is no such tensor, or several to choose from
 */
export async function safetensorsVector(source: ByteSource, name?: string): Promise<Float32Array> {
  const { tensors } = await readSafetensorsHeader(source);
  const names = [...tensors.keys()];
  if (name === undefined && names.length !== 1)
    throw new CheckpointError(
      `${quoted(source.label)} holds ${names.length} tensors. Name one: ${listed(names)}.`,
    );
  const chosen = name ?? names[0] ?? '';
  const placed = tensors.get(chosen);
  if (!placed)
    throw new CheckpointError(
      `${quoted(source.label)} has no tensor ${quoted(chosen)}. It has: ${listed(names)}.`,
    );
  return readVector(source, placed.info, placed.offset);
}

export interface ControlVector {
  /** By the block at whose output a direction is added, counted from 0. */
  readonly directions: ReadonlyMap<number, Float32Array>;
  /** The kind of model that it was made for, where the file says. */
  readonly modelHint: string | undefined;
}

function checkHeader(label: string, { metadata }: GgufHeader): void {
  const kind = metadata.get('general.architecture');
  if (kind === 'controlvector') return;
  throw new CheckpointError(
    `${quoted(label)} is a GGUF file of the kind ${quoted(String(kind))}; a control vector is of the kind 'controlvector'.`,
  );
}

/**
 * A control vector of llama.cpp's format, as its loader reads it: `direction.N` is added at the output of block N.
 * @param shift added to each N: -1 for files of llama.cpp's own cvector-generator, which names the output of block N
 *              `direction.(N + 1)`. Nothing in the file says who wrote it.
 * @throws CheckpointError when the file is of another kind, or a direction has no place
 */
export async function readControlVector(source: ByteSource, shift: 0 | -1 = 0): Promise<ControlVector> {
  const header = await readGgufHeader(source);
  checkHeader(source.label, header);
  const directions = new Map<number, Float32Array>();
  for (const tensor of header.tensors.values()) {
    const written = /^direction\.(\d+)$/.exec(tensor.name)?.[1];
    if (written === undefined) continue;
    const layer = Number(written) + shift;
    if (layer < 0)
      throw new CheckpointError(
        `${quoted(source.label)} has ${quoted(tensor.name)}, which would act before the first block. It was not made by cvector-generator: leave the shift out.`,
      );
    directions.set(layer, await readVector(source, tensor, tensor.offset));
  }
  if (directions.size === 0)
    throw new CheckpointError(`${quoted(source.label)} has no direction.N among its tensors.`);
  const hint = header.metadata.get('controlvector.model_hint');
  return { directions, modelHint: typeof hint === 'string' ? hint : undefined };
}
