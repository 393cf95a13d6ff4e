// Reads little-endian values one after another from the beginning of a file, and says what was being read when the file
// turns out to be too short for it.

import { listed, quoted } from '../../messages/wording.ts';
import { CheckpointError } from '../checkpoint.ts';

/** The header goes on behind the bytes at hand, though within the file: read on to `end` and begin anew. */
export class NeedsMoreBytes extends Error {
  readonly end: number;
  constructor(end: number) {
    super(`The header needs the bytes up to ${end}.`);
    this.end = end;
  }
}

interface NumberType {
  readonly name: string;
  readonly width: number;
  readonly read: (view: DataView, at: number) => number;
}

/** The numeric types of metadata, by their number in the file. 7 is a boolean, 8 a string, 9 an array. */
const numberTypes: ReadonlyMap<number, NumberType> = new Map([
  [0, { name: 'uint8', width: 1, read: (view, at) => view.getUint8(at) }],
  [1, { name: 'int8', width: 1, read: (view, at) => view.getInt8(at) }],
  [2, { name: 'uint16', width: 2, read: (view, at) => view.getUint16(at, true) }],
  [3, { name: 'int16', width: 2, read: (view, at) => view.getInt16(at, true) }],
  [4, { name: 'uint32', width: 4, read: (view, at) => view.getUint32(at, true) }],
  [5, { name: 'int32', width: 4, read: (view, at) => view.getInt32(at, true) }],
  [6, { name: 'float32', width: 4, read: (view, at) => view.getFloat32(at, true) }],
  [10, { name: 'uint64', width: 8, read: (view, at) => Number(view.getBigUint64(at, true)) }],
  [11, { name: 'int64', width: 8, read: (view, at) => Number(view.getBigInt64(at, true)) }],
  [12, { name: 'float64', width: 8, read: (view, at) => view.getFloat64(at, true) }],
]);

export class ByteCursor {
  readonly label: string;
  readonly fileBytes: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #decoder = new TextDecoder();
  #position = 0;

  /**
   * @param bytes     the beginning of the file
   * @param fileBytes size of the whole file
   */
  constructor(label: string, bytes: Uint8Array, fileBytes: number) {
    this.label = label;
    this.fileBytes = fileBytes;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#position;
  }

  /** The error for a header whose values make no sense. */
  damaged(problem: string): CheckpointError {
    return new CheckpointError(`${quoted(this.label)} ${problem}. The file is damaged; fetch it again.`);
  }

  /**
   * Make sure that `length` more bytes are at hand.
   * @throws CheckpointError when the file has no more so many; NeedsMoreBytes when they are only not read yet
   */
  require(length: number, what: string): void {
    const end = this.#position + length;
    if (!Number.isSafeInteger(end) || end > this.fileBytes) {
      throw new CheckpointError(
        `${quoted(this.label)} ends within its header: ${what} needs ${length} bytes at ${this.#position}, and the file has ` +
          `${this.fileBytes} in all. The file is cut off or damaged; fetch it again.`,
      );
    }
    if (end > this.#bytes.byteLength) throw new NeedsMoreBytes(end);
  }

  uint32(what: string): number {
    return this.#take(4, what, (at) => this.#view.getUint32(at, true));
  }

  /** A 64-bit count; beyond 2^53 inexact, which every check of it refuses. */
  uint64(what: string): number {
    return this.#take(8, what, (at) => Number(this.#view.getBigUint64(at, true)));
  }

  /** How many things follow, each of at least `leastBytes`: refused when the file cannot hold them. */
  count(what: string, leastBytes: number): number {
    const count = this.uint64(what);
    const room = this.fileBytes - this.#position;
    if (!Number.isSafeInteger(count) || count * leastBytes > room) {
      throw this.damaged(`says that ${what} is ${count}; the ${room} bytes that follow cannot hold so many`);
    }
    return count;
  }

  string(what: string): string {
    const length = this.uint64(what);
    this.require(length, what);
    const from = this.#position;
    this.#position += length;
    return this.#decoder.decode(this.#bytes.subarray(from, from + length));
  }

  boolean(what: string): boolean {
    const value = this.#take(1, what, (at) => this.#view.getUint8(at));
    if (value > 1) throw this.damaged(`has the value ${value} for the boolean ${what}`);
    return value === 1;
  }

  /** A number of one of the types of metadata. */
  number(type: number, what: string): number {
    const { width, read } = this.#numberType(type, what);
    return this.#take(width, what, (at) => read(this.#view, at));
  }

  /** Bytes of a number or boolean of a type of metadata. */
  widthOf(type: number, what: string): number {
    return type === 7 ? 1 : this.#numberType(type, what).width;
  }

  #numberType(type: number, what: string): NumberType {
    const found = numberTypes.get(type);
    if (found) return found;
    const known = [...numberTypes.values()].map((entry) => entry.name);
    throw new CheckpointError(
      `${quoted(this.label)} has the unknown metadata type ${type} for ${what}. ` +
        `Known: ${listed([...known, 'bool', 'string', 'array'], 20)}.`,
    );
  }

  #take(width: number, what: string, read: (at: number) => number): number {
    this.require(width, what);
    const at = this.#position;
    this.#position += width;
    return read(at);
  }
}
