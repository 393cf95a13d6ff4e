// Tensors that a person brings as inputs: files of NumPy, of safetensors, and lists of numbers in JSON.

import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { type ByteSource, parseJson } from '../checkpoint/sources/byteSource.ts';
import { quoted } from '../messages/wording.ts';
import {
  bytesPerElement,
  type ElementType,
  sizeOf,
  type Tensor,
  tensorFrom,
  tensorOfBytes,
} from './tensor.ts';

const safetensorsTypes: Readonly<Record<string, ElementType>> = {
  F32: 'float32',
  F16: 'float16',
  F64: 'float64',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U8: 'uint8',
  U16: 'uint16',
  U32: 'uint32',
  U64: 'uint64',
  BOOL: 'bool',
};

const numpyTypes: Readonly<Record<string, ElementType>> = {
  f4: 'float32',
  f2: 'float16',
  f8: 'float64',
  i8: 'int64',
  i4: 'int32',
  i2: 'int16',
  i1: 'int8',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
};

/** A file of inputs comes nowhere near this; its whole is read. */
const largestFile = 2 ** 31;

async function whole(source: ByteSource): Promise<Uint8Array> {
  if (source.sizeBytes > largestFile)
    throw new CheckpointError(`${quoted(source.label)} has ${source.sizeBytes} bytes, too many for inputs.`);
  return source.read(0, source.sizeBytes);
}

function checked(label: string, dtype: ElementType, shape: readonly number[], bytes: Uint8Array): Tensor {
  const isShape = shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (!isShape || sizeOf(shape) * bytesPerElement(dtype) !== bytes.length)
    throw new CheckpointError(
      `${quoted(label)} has ${bytes.length} bytes, which are no ${dtype} [${shape.slice(0, 8).join(', ')}].`,
    );
  return tensorOfBytes(dtype, shape, Uint8Array.from(bytes));
}

/** All tensors of a safetensors file, by their names. @throws CheckpointError when it is damaged */
export async function readSafetensorsFile(source: ByteSource): Promise<ReadonlyMap<string, Tensor>> {
  const bytes = await whole(source);
  const refuse = (what: string): never => {
    throw new CheckpointError(`${quoted(source.label)} ${what}. It is damaged or of another kind.`);
  };
  if (bytes.length < 8) refuse('is too short for a safetensors file');
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (!(length <= bytes.length - 8)) refuse(`says that its header has ${length} bytes`);
  const header = parseJson(`The header of ${quoted(source.label)}`, bytes.subarray(8, 8 + length));
  if (typeof header !== 'object' || header === null) return refuse('has a header that is no object');
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const { dtype, shape, data_offsets: offsets }: Record<string, unknown> = Object(entry);
    const type = typeof dtype === 'string' ? safetensorsTypes[dtype] : undefined;
    if (type === undefined)
      return refuse(`holds ${quoted(name)} in ${String(dtype)}, which is not read here`);
    if (!isNumbers(shape) || !isNumbers(offsets))
      return refuse(`has an entry ${quoted(name)} without a shape`);
    const [from = 0, to = 0] = offsets;
    tensors.set(name, checked(name, type, shape, bytes.subarray(8 + length + from, 8 + length + to)));
  }
  return tensors;
}

const isNumbers = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'number');

/** One array as NumPy saves it. @throws CheckpointError when it is none, or is of Fortran's order */
export async function readNumpyFile(source: ByteSource): Promise<Tensor> {
  const bytes = await whole(source);
  const refuse = (what: string): never => {
    throw new CheckpointError(`${quoted(source.label)} ${what}.`);
  };
  if (bytes.length < 12 || bytes[0] !== 0x93 || new TextDecoder().decode(bytes.subarray(1, 6)) !== 'NUMPY')
    refuse('is no file of NumPy (.npy)');
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const isLong = (bytes[6] ?? 1) >= 2;
  const length = isLong ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = isLong ? 12 : 10;
  const header = new TextDecoder().decode(bytes.subarray(start, start + length));
  const [, order, code] = /'descr':\s*'([<>|=])(\w\d)'/.exec(header) ?? [];
  const type = code === undefined ? undefined : numpyTypes[code];
  const [, sizes] = /'shape':\s*\(([\d,\s]*)\)/.exec(header) ?? [];
  if (type === undefined || sizes === undefined || order === '>')
    return refuse(`holds an array that is not read here (${header.trim().slice(0, 80)})`);
  if (/'fortran_order':\s*True/.test(header))
    refuse('has its numbers in the order of Fortran. Save it with numpy.ascontiguousarray');
  const shape = sizes.split(',').flatMap((size) => (size.trim() === '' ? [] : [Number(size)]));
  return checked(source.label, type, shape, bytes.subarray(start + length));
}

/**
 * Numbers in lists of lists, as JSON writes an array.
 * @throws CheckpointError when the lists have different lengths, or hold anything but numbers and truth values
 */
export function tensorOfLists(label: string, value: unknown, dtype: ElementType): Tensor {
  const shape: number[] = [];
  for (let level = value; Array.isArray(level); level = level[0]) shape.push(level.length);
  const numbers: number[] = [];
  const walk = (level: unknown, axis: number): void => {
    if (axis < shape.length) {
      if (!Array.isArray(level) || level.length !== shape[axis])
        throw new CheckpointError(`The lists of ${quoted(label)} have different lengths.`);
      for (const each of level) walk(each, axis + 1);
    } else if (typeof level === 'number' || typeof level === 'boolean') numbers.push(Number(level));
    else
      throw new CheckpointError(
        `${quoted(label)} holds ${JSON.stringify(level)?.slice(0, 40)}, which is no number.`,
      );
  };
  walk(value, 0);
  const isWhole = dtype !== 'float32' && dtype !== 'float16' && dtype !== 'float64';
  const broken = isWhole ? numbers.find((each) => !Number.isInteger(each)) : undefined;
  if (broken !== undefined)
    throw new CheckpointError(`${quoted(label)} is of ${dtype}, whole numbers; ${broken} is none.`);
  return tensorFrom(dtype, shape, (at) => numbers[at] ?? 0);
}
