// Inputs that a person has, from files: one array a file (.npy), several by name (.safetensors, .json).

import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { type ByteSource, parseJson } from '../checkpoint/sources/byteSource.ts';
import { didYouMean } from '../messages/nearest.ts';
import { listed, quoted } from '../messages/wording.ts';
import type { ValueInfo } from './onnxFile.ts';
import type { NamedTensors } from './runtime.ts';
import { type Tensor, tensorFrom } from './tensor.ts';
import { readNumpyFile, readSafetensorsFile, tensorOfLists } from './tensorFiles.ts';

const isWhole = (value: unknown): boolean =>
  Array.isArray(value) ? value.every(isWhole) : typeof value === 'boolean' || Number.isInteger(value);

/**
 * @param name of the input, where the file holds one array
 * @throws CheckpointError when the file is none of these, or is damaged
 */
export async function readExample(source: ByteSource, name?: string): Promise<NamedTensors> {
  if (/\.npy$/i.test(source.label)) {
    if (name === undefined)
      throw new CheckpointError(
        `${quoted(source.label)} holds one array. Say of which input: INPUT=${source.label}.`,
      );
    return { [name]: await readNumpyFile(source) };
  }
  if (/\.safetensors$/i.test(source.label)) return Object.fromEntries(await readSafetensorsFile(source));
  if (!/\.json$/i.test(source.label))
    throw new CheckpointError(
      `${quoted(source.label)} is no file of numbers that is read here: .npy, .safetensors, .json.`,
    );
  const value = parseJson(quoted(source.label), await source.read(0, source.sizeBytes));
  const lists = name === undefined ? value : { [name]: value };
  if (typeof lists !== 'object' || lists === null || Array.isArray(lists))
    throw new CheckpointError(`${quoted(source.label)} holds no object of inputs and their numbers.`);
  return Object.fromEntries(
    Object.entries(lists).map(([key, own]) => [
      key,
      tensorOfLists(key, own, isWhole(own) ? 'int64' : 'float32'),
    ]),
  );
}

/** The same numbers in another type. @throws CheckpointError where it cannot hold them */
function inType(name: string, tensor: Tensor, { dtype = tensor.dtype }: ValueInfo): Tensor {
  if (tensor.dtype === dtype) return tensor;
  const changed = tensorFrom(dtype, tensor.shape, (at) => Number(tensor.data[at]));
  const isSame =
    dtype === 'float16' || changed.data.every((value, at) => Number(value) === Number(tensor.data[at]));
  if (tensor.dtype === 'float16' || !isSame)
    throw new CheckpointError(
      `Input ${quoted(name)} is of ${dtype}, which does not hold the ${tensor.dtype} that is given.`,
    );
  return changed;
}

/**
 * An example as a model's inputs take it.
 * @throws CheckpointError for an input that the model has not, or one of another rank
 */
export function fittedExample(example: NamedTensors, inputs: readonly ValueInfo[]): NamedTensors {
  return Object.fromEntries(
    Object.entries(example).map(([name, tensor]) => {
      const info = inputs.find((each) => each.name === name);
      const names = inputs.map((each) => each.name);
      if (!info)
        throw new CheckpointError(
          `There is no input ${quoted(name)}. ${didYouMean(name, names)} Inputs: ${listed(names)}.`,
        );
      if (info.shape && info.shape.length !== tensor.shape.length)
        throw new CheckpointError(
          `Input ${quoted(name)} has ${info.shape.length} axes; what is given has ${tensor.shape.length}.`,
        );
      return [name, inType(name, tensor, info)];
    }),
  );
}
