// The structure of an ONNX file without the bytes of its weights: a copy of the file in which every large run of numbers is
// replaced by its place. It is read through a window, so that a file of two gigabytes is never whole in memory.

import { CheckpointError } from '../checkpoint/checkpoint.ts';
import type { ByteSource } from '../checkpoint/sources/byteSource.ts';
import { quoted } from '../messages/wording.ts';
import { type FieldHead, readHead, WireError } from './wireReader.ts';

/** A field of TensorProto that ONNX does not use: the number of the field that stood here, its offset and its length. */
export const placeField = 4000;

/** Runs of numbers from this size on stay in the file. */
const largeBytes = 1024;
const windowBytes = 256 * 1024;
/** What is no weight: nodes, names, metadata. */
const largestStructureBytes = 256 * 2 ** 20;
const deepest = 40;

/** Which fields of a message are messages in which weights may lie. */
const within: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  model: { 7: 'graph', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor' },
  function: { 7: 'node' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph' },
  tensor: {},
};

/** raw_data, and packed floats and doubles, whose bytes are the same as in raw_data. */
const movable = new Set([9, 4, 10]);

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Uint8Array.of(...bytes, rest);
}

const total = (chunks: readonly Uint8Array[]): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0);

class Windowed {
  readonly #source: ByteSource;
  readonly #signal: AbortSignal | undefined;
  #start = 0;
  #bytes = new Uint8Array();
  #copied = 0;

  constructor(source: ByteSource, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#signal = signal;
  }

  async #reach(offset: number, length: number): Promise<number> {
    const at = offset - this.#start;
    if (at >= 0 && at + length <= this.#bytes.length) return at;
    const wanted = Math.min(Math.max(length, windowBytes), this.#source.sizeBytes - offset);
    this.#bytes = new Uint8Array(await this.#source.read(offset, Math.max(wanted, length), this.#signal));
    this.#start = offset;
    return 0;
  }

  async head(offset: number, end: number): Promise<FieldHead> {
    const length = Math.min(20, end - offset);
    const at = await this.#reach(offset, length);
    return readHead(this.#bytes.subarray(at, at + length), 0);
  }

  async copy(offset: number, length: number): Promise<Uint8Array> {
    this.#copied += length;
    if (this.#copied > largestStructureBytes)
      throw new WireError(`it has more than ${largestStructureBytes} bytes that are no weights`);
    const at = await this.#reach(offset, length);
    return this.#bytes.slice(at, at + length);
  }
}

async function walk(
  file: Windowed,
  message: string,
  start: number,
  end: number,
  depth: number,
): Promise<readonly Uint8Array[]> {
  if (depth > deepest) throw new WireError(`graphs lie more than ${deepest} messages deep in each other`);
  const chunks: Uint8Array[] = [];
  for (let at = start; at < end; ) {
    const head = await file.head(at, end);
    const content = at + head.headBytes;
    const after = content + head.length;
    if (after > end) throw new WireError(`a field of ${head.length} bytes does not fit into what is left`);
    const inner = within[message]?.[head.id];
    if (head.wire !== 2 || head.length < largeBytes) {
      chunks.push(await file.copy(at, after - at));
    } else if (inner !== undefined) {
      const parts = await walk(file, inner, content, after, depth + 1);
      chunks.push(varint(head.id * 8 + 2), varint(total(parts)));
      for (const part of parts) chunks.push(part);
    } else if (message === 'tensor' && movable.has(head.id)) {
      const place = [varint(head.id), varint(content), varint(head.length)];
      chunks.push(varint(placeField * 8 + 2), varint(total(place)), ...place);
    } else {
      chunks.push(await file.copy(at, after - at));
    }
    at = after;
  }
  return chunks;
}

/**
 * @throws CheckpointError when the bytes have not the form of protocol buffers
 */
export async function sparseCopy(source: ByteSource, signal?: AbortSignal): Promise<Uint8Array> {
  try {
    const chunks = await walk(new Windowed(source, signal), 'model', 0, source.sizeBytes, 0);
    const result = new Uint8Array(total(chunks));
    let at = 0;
    for (const chunk of chunks) {
      result.set(chunk, at);
      at += chunk.length;
    }
    return result;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new CheckpointError(
      `${quoted(source.label)} is not an ONNX file: ${error.message}. It is cut off, damaged or of another kind.`,
    );
  }
}
