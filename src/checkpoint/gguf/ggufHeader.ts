// The header of a GGUF file: metadata, then the names, types, shapes and places of the tensors. Read strictly, because a
// header is bytes from outside. The published reader for JavaScript (@huggingface/gguf 0.4.6) opens a URL or a path, but no
// file that a person dropped, and finds neither overlaps nor tensors past the end. Here every count is compared with
// what the file can still hold before anything is made of it.
//
// All numbers are little endian. Versions 2 and 3 have the same layout; version 1 had 32-bit lengths and is gone.

import { listed, quoted } from '../../messages/wording.ts';
import { CheckpointError, type StorageDtype } from '../checkpoint.ts';
import { type ByteSource, refuseLfsPointer } from '../sources/byteSource.ts';
import { elementCountOf, storageBlocks, storedBytes } from '../storage/storage.ts';
import { ByteCursor, NeedsMoreBytes } from './ggufCursor.ts';

/** A value of the metadata. Whole numbers beyond 2^53 lose their last digits; nothing that is read here is that large. */
export type MetadataValue =
  | number
  | boolean
  | string
  | readonly number[]
  | readonly boolean[]
  | readonly string[];

export interface GgufTensor {
  /** As the file calls it. */
  readonly name: string;
  readonly dtype: StorageDtype;
  /** Row-major, outermost first: the reverse of the file's order. */
  readonly shape: readonly number[];
  readonly sizeBytes: number;
  /** From the start of the file. */
  readonly offset: number;
}

export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, MetadataValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

/** The tensor types that are expanded, by their number in the file. */
const storageTypes: ReadonlyMap<number, StorageDtype> = new Map([
  [0, 'F32'],
  [1, 'F16'],
  [2, 'Q4_0'],
  [3, 'Q4_1'],
  [6, 'Q5_0'],
  [7, 'Q5_1'],
  [8, 'Q8_0'],
  [12, 'Q4_K'],
  [13, 'Q5_K'],
  [14, 'Q6_K'],
  [30, 'BF16'],
]);

/** Names of tensor types that exist and are not expanded, for messages. */
const otherTypes: ReadonlyMap<number, string> = new Map([
  [9, 'Q8_1'],
  [10, 'Q2_K'],
  [11, 'Q3_K'],
  [15, 'Q8_K'],
  [16, 'IQ2_XXS'],
  [17, 'IQ2_XS'],
  [18, 'IQ3_XXS'],
  [19, 'IQ1_S'],
  [20, 'IQ4_NL'],
  [21, 'IQ3_S'],
  [22, 'IQ2_S'],
  [23, 'IQ4_XS'],
  [24, 'I8'],
  [25, 'I16'],
  [26, 'I32'],
  [27, 'I64'],
  [28, 'F64'],
  [29, 'IQ1_M'],
  [34, 'TQ1_0'],
  [35, 'TQ2_0'],
  [39, 'MXFP4'],
]);

const firstReadBytes = 4 * 1024 * 1024;
const largestHeaderBytes = 256 * 1024 * 1024;
const mostDimensions = 4;

/**
 * Read and check the header of a GGUF file.
 * @throws CheckpointError that names the file, what is wrong with the header and what to do
 */
export async function readGgufHeader(source: ByteSource, signal?: AbortSignal): Promise<GgufHeader> {
  await refuseLfsPointer(source, signal);
  let bytes: Uint8Array = new Uint8Array(0);
  let wanted = Math.min(source.sizeBytes, firstReadBytes);
  for (;;) {
    bytes = await extended(source, bytes, wanted, signal);
    try {
      return parseGgufHeader(source.label, bytes, source.sizeBytes);
    } catch (cause) {
      if (!(cause instanceof NeedsMoreBytes)) throw cause;
      if (cause.end > largestHeaderBytes) {
        throw new CheckpointError(
          `${quoted(source.label)} has a header of more than ${largestHeaderBytes} bytes. It is probably damaged; fetch it again.`,
        );
      }
      wanted = Math.min(source.sizeBytes, Math.max(bytes.byteLength * 2, cause.end));
    }
  }
}

async function extended(
  source: ByteSource,
  bytes: Uint8Array,
  wanted: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const rest = await source.read(bytes.byteLength, wanted - bytes.byteLength, signal);
  if (bytes.byteLength === 0) return rest;
  const joined = new Uint8Array(wanted);
  joined.set(bytes);
  joined.set(rest, bytes.byteLength);
  return joined;
}

/**
 * @param bytes     the beginning of the file
 * @param fileBytes size of the whole file
 * @throws NeedsMoreBytes when the header goes on behind `bytes`
 * @throws CheckpointError when the header is not sound
 */
function parseGgufHeader(label: string, bytes: Uint8Array, fileBytes: number): GgufHeader {
  const cursor = new ByteCursor(label, bytes, fileBytes);
  const magic = cursor.uint32('its first four bytes');
  if (magic !== 0x46554747) {
    throw new CheckpointError(
      `${quoted(label)} is not a GGUF file: it does not begin with 'GGUF'. Choose another file.`,
    );
  }
  const version = cursor.uint32('the version');
  if (version !== 2 && version !== 3) {
    const isLater = version > 3 && version < 256;
    const swapped = version === 0x02000000 || version === 0x03000000;
    throw new CheckpointError(
      `${quoted(label)} has GGUF version ${version}${swapped ? ', which is a big-endian file' : ''}; ` +
        `versions 2 and 3, little endian, are read. ${isLater ? 'It is of a later version of the format: use a newer Patchbay, or a file of version 3.' : 'Convert the model anew.'}`,
    );
  }
  const tensorCount = cursor.count('the number of tensors', 24);
  const pairCount = cursor.count('the number of metadata entries', 13);
  const metadata = new Map<string, MetadataValue>();
  for (let i = 0; i < pairCount; i++) {
    const key = cursor.string(`the name of metadata entry ${i}`);
    if (metadata.has(key)) throw cursor.damaged(`has the metadata entry ${quoted(key)} twice`);
    metadata.set(key, readValue(cursor, key, cursor.uint32(`the type of ${quoted(key)}`)));
  }
  const entries: TensorEntry[] = [];
  for (let i = 0; i < tensorCount; i++) entries.push(readTensorEntry(cursor, i));
  return { metadata, tensors: placeTensors(cursor, entries, alignmentOf(cursor, metadata)) };
}

function readValue(cursor: ByteCursor, key: string, type: number): MetadataValue {
  const what = quoted(key);
  if (type === 8) return cursor.string(what);
  if (type === 9) return readArray(cursor, key);
  return type === 7 ? cursor.boolean(what) : cursor.number(type, what);
}

function readArray(cursor: ByteCursor, key: string): MetadataValue {
  const what = quoted(key);
  const type = cursor.uint32(`the type of ${what}`);
  if (type === 9) throw cursor.damaged(`has an array of arrays in ${what}, which is not supported`);
  const width = type === 8 ? 8 : cursor.widthOf(type, what);
  const count = cursor.count(`the length of ${what}`, width);
  // One check for all elements, so that a length which the file cannot hold makes no array.
  cursor.require(count * width, what);
  if (type === 8) {
    const strings: string[] = [];
    for (let i = 0; i < count; i++) strings.push(cursor.string(what));
    return strings;
  }
  if (type === 7) return Array.from({ length: count }, () => cursor.boolean(what));
  return Array.from({ length: count }, () => cursor.number(type, what));
}

interface TensorEntry {
  readonly name: string;
  readonly dtype: StorageDtype;
  readonly shape: readonly number[];
  readonly sizeBytes: number;
  /** From the start of the data. */
  readonly offset: number;
}

function readTensorEntry(cursor: ByteCursor, index: number): TensorEntry {
  const name = cursor.string(`the name of tensor ${index}`);
  const what = `tensor ${quoted(name)}`;
  const dimensions = cursor.uint32(`the dimensions of ${what}`);
  if (dimensions < 1 || dimensions > mostDimensions) {
    throw cursor.damaged(
      `says that ${what} has ${dimensions} dimensions; 1 to ${mostDimensions} are possible`,
    );
  }
  const fastestFirst = Array.from({ length: dimensions }, () => cursor.uint64(`the shape of ${what}`));
  const type = cursor.uint32(`the type of ${what}`);
  const dtype = storageTypes.get(type);
  if (dtype === undefined) {
    throw new CheckpointError(
      `Tensor ${quoted(name)} in ${quoted(cursor.label)} has the type ${otherTypes.get(type) ?? `number ${type}`}, which is ` +
        `not supported. Supported: ${listed([...storageTypes.values()])}.`,
    );
  }
  const count = elementCountOf(fastestFirst);
  const rowBlocks = (fastestFirst[0] ?? 0) / storageBlocks[dtype].elements;
  if (
    count === undefined ||
    count === 0 ||
    !Number.isInteger(rowBlocks) ||
    !Number.isSafeInteger(storedBytes(dtype, count))
  ) {
    throw cursor.damaged(
      `says that ${what} of type ${dtype} has the impossible shape [${listed(fastestFirst.map(String))}]`,
    );
  }
  const offset = cursor.uint64(`the place of ${what}`);
  return { name, dtype, shape: fastestFirst.toReversed(), sizeBytes: storedBytes(dtype, count), offset };
}

function alignmentOf(cursor: ByteCursor, metadata: ReadonlyMap<string, MetadataValue>): number {
  const alignment = metadata.get('general.alignment') ?? 32;
  if (typeof alignment !== 'number' || alignment < 8 || alignment > 1 << 20 || alignment % 8 !== 0) {
    throw cursor.damaged(
      `has the impossible 'general.alignment' ${String(alignment)}; a multiple of 8 is expected`,
    );
  }
  return alignment;
}

function placeTensors(
  cursor: ByteCursor,
  entries: readonly TensorEntry[],
  alignment: number,
): ReadonlyMap<string, GgufTensor> {
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  const tensors = new Map<string, GgufTensor>();
  for (const entry of entries) {
    const offset = dataStart + entry.offset;
    const end = offset + entry.sizeBytes;
    if (tensors.has(entry.name)) throw cursor.damaged(`has the tensor ${quoted(entry.name)} twice`);
    if (entry.offset % alignment !== 0) {
      throw cursor.damaged(
        `places tensor ${quoted(entry.name)} at ${entry.offset}, which is not a multiple of ${alignment}`,
      );
    }
    if (!Number.isSafeInteger(end) || end > cursor.fileBytes) {
      throw cursor.damaged(
        `places the end of tensor ${quoted(entry.name)} at byte ${end}; the file has ${cursor.fileBytes}`,
      );
    }
    tensors.set(entry.name, { ...entry, offset });
  }
  const ordered = [...tensors.values()].sort((a, b) => a.offset - b.offset);
  for (const [index, tensor] of ordered.entries()) {
    const next = ordered[index + 1];
    if (next && tensor.offset + tensor.sizeBytes > next.offset) {
      throw cursor.damaged(`has tensors that overlap: ${quoted(tensor.name)} and ${quoted(next.name)}`);
    }
  }
  return tensors;
}
