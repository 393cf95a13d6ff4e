// Inputs that a person has, from files: one array a file (.npy, .csv), several by name (.safetensors, .json).

import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { type ByteSource, parseJson } from '../checkpoint/sources/byteSource.ts';
import { didYouMean } from '../messages/nearest.ts';
import { listed, quoted } from '../messages/wording.ts';
import type { ValueInfo } from './onnxFile.ts';
import type { NamedTensors } from './runtime.ts';
import { isFloat, type Tensor, tensorFrom } from './tensor.ts';
import { readNumpyFile, readSafetensorsFile, tensorOfLists } from './tensorFiles.ts';

/** Whole and small enough to be one number: the least float32, as masks have it, is whole too and is no int64. */
export const isWhole = (value: unknown): boolean =>
  Array.isArray(value) ? value.every(isWhole) : typeof value === 'boolean' || Number.isSafeInteger(value);

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

/**
 * What a file holds of one input: the tensor of its name, or the only one there is.
 * @param tensor which one a person means
 * @throws CheckpointError when the file holds none, or several of other names
 */
export async function readTensorOf(source: ByteSource, input: string, tensor?: string): Promise<Tensor> {
  if (/\.csv$/i.test(source.label)) return readTable(source);
  const isJson = /\.json$/i.test(source.label);
  const value = isJson ? parseJson(quoted(source.label), await source.read(0, source.sizeBytes)) : undefined;
  const isOne = isJson ? Array.isArray(value) : /\.npy$/i.test(source.label);
  const all = await readExample(source, isOne ? input : undefined);
  const names = Object.keys(all);
  const wanted = tensor ?? (names.length === 1 ? names[0] : input) ?? input;
  const found = Object.hasOwn(all, wanted) ? all[wanted] : undefined;
  if (found) return found;
  throw new CheckpointError(
    `${quoted(source.label)} has no tensor ${quoted(wanted)}. ${didYouMean(wanted, names)} It has ${listed(names)}.`,
  );
}

/** Rows of numbers, parted by commas, semicolons or tabs; a first line of names is left out. */
async function readTable(source: ByteSource): Promise<Tensor> {
  const text = new TextDecoder().decode(await source.read(0, source.sizeBytes));
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const rows = lines.map((line) => line.split(/[,;\t]/).map((field) => field.trim()));
  const isNumber = (field: string): boolean => field !== '' && Number.isFinite(Number(field));
  const body = rows[0]?.some(isNumber) === false ? rows.slice(1) : rows;
  const width = body[0]?.length ?? 0;
  for (const [index, row] of body.entries()) {
    const wrong = row.find((field) => !isNumber(field));
    if (wrong !== undefined || row.length !== width)
      throw new CheckpointError(
        wrong === undefined
          ? `Row ${index + 1} of ${quoted(source.label)} has ${row.length} numbers, the first ${width}.`
          : `Row ${index + 1} of ${quoted(source.label)} holds ${quoted(wrong)}, which is no number.`,
      );
  }
  if (body.length === 0) throw new CheckpointError(`${quoted(source.label)} holds no numbers.`);
  const numbers = body.flat().map(Number);
  const dtype = numbers.every(Number.isSafeInteger) ? 'int64' : 'float32';
  return tensorFrom(dtype, body.length === 1 ? [width] : [body.length, width], (at) => numbers[at] ?? 0);
}

/** The same numbers in another type. @throws CheckpointError where it cannot hold them */
function inType(name: string, tensor: Tensor, { dtype = tensor.dtype }: ValueInfo): Tensor {
  if (tensor.dtype === dtype) return tensor;
  const refuse = (): never => {
    throw new CheckpointError(
      `Input ${quoted(name)} is of ${dtype}, which does not hold the ${tensor.dtype} that is given.`,
    );
  };
  const numbers = Float64Array.from({ length: tensor.data.length }, (_, at) => Number(tensor.data[at]));
  // A float16 is there as its bits.
  if (tensor.dtype === 'float16' || !(isFloat(dtype) || numbers.every(Number.isInteger))) return refuse();
  const changed = tensorFrom(dtype, tensor.shape, (at) => numbers[at] ?? 0);
  const isSame = dtype === 'float16' || numbers.every((value, at) => value === Number(changed.data[at]));
  return isSame ? changed : refuse();
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
