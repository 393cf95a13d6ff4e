// Where bytes come from, whatever holds them: a file on a disk, a file that a person dropped, a server. The readers of
// formats know nothing else of the outside. A source is read piece by piece at the places that a header names.

import { quoted, reasonOf } from '../../messages/wording.ts';
import { CheckpointError } from '../checkpoint.ts';
import { isLfsPointer, lfsPointerError } from './lfsPointer.ts';

export { refuseLfsPointer } from './lfsPointer.ts';

/** One file, readable at any place. */
export interface ByteSource {
  /** The file's name, for messages. */
  readonly label: string;
  readonly sizeBytes: number;
  /** What tells this content from another under the same name, as its server has it; absent where it does not say. */
  readonly version?: string;
  /** Whether every read is a request to a server. */
  readonly isRemote?: boolean;
  /**
   * Exactly `length` bytes from `offset` on, in memory of their own.
   * @throws CheckpointError when the range is not within the file, or the file cannot be read to the end of it
   */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Files that belong together and are found by name. */
export interface FileFolder {
  readonly label: string;
  /** The names it holds, or undefined where it cannot be listed (a plain HTTP server). */
  list(signal?: AbortSignal): Promise<readonly string[] | undefined>;
  /** @returns undefined when there is no such file */
  open(name: string, signal?: AbortSignal): Promise<ByteSource | undefined>;
}

/** What every opener accepts. */
export interface OpenOptions {
  /** Stops the opening; the promise is then rejected with the signal's reason. Reads have a signal of their own. */
  readonly signal?: AbortSignal;
  /** Called with the number of bytes that have just arrived, headers and tensors alike, for as long as the checkpoint is open. */
  readonly onBytes?: (bytes: number) => void;
  /** Milliseconds in which nothing at all comes from a server until it counts as dead; default 15,000. */
  readonly silentMs?: number;
}

/**
 * Refuse a range that does not lie within a file, before anything is allocated for it.
 * @throws CheckpointError
 */
export function requireRange(label: string, sizeBytes: number, offset: number, length: number): void {
  const fits =
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= sizeBytes;
  if (!fits) {
    throw new CheckpointError(
      `${quoted(label)} ends early: bytes ${offset} to ${offset + length} are asked for and it has ${sizeBytes}. ` +
        'The file is cut off or damaged; fetch it again.',
    );
  }
}

/** A file that is in memory already. */
export function memorySource(
  label: string,
  bytes: Uint8Array,
  onBytes?: (bytes: number) => void,
): ByteSource {
  return {
    label,
    sizeBytes: bytes.byteLength,
    read: async (offset, length, signal) => {
      signal?.throwIfAborted();
      requireRange(label, bytes.byteLength, offset, length);
      onBytes?.(length);
      return bytes.slice(offset, offset + length);
    },
    close: async () => {},
  };
}

/** No configuration or tokenizer comes near this; a larger file is something else under that name. */
const largestJsonBytes = 256 * 1024 * 1024;

/**
 * A small file, whole.
 * @returns undefined when there is no such file
 * @throws CheckpointError when it is too large
 */
async function readSmall(
  folder: FileFolder,
  name: string,
  signal?: AbortSignal,
): Promise<Uint8Array | undefined> {
  const source = await folder.open(name, signal);
  if (!source) return undefined;
  try {
    if (source.sizeBytes > largestJsonBytes) {
      throw new CheckpointError(
        `${quoted(name)} in ${folder.label} has ${source.sizeBytes} bytes; a file of that name has at most ` +
          `${largestJsonBytes}. It may belong to something else.`,
      );
    }
    return await source.read(0, source.sizeBytes, signal);
  } finally {
    await source.close();
  }
}

/**
 * A JSON file, whole.
 * @returns undefined when there is no such file
 * @throws CheckpointError when it is too large, is not UTF-8 or is not JSON
 */
export async function readJson(folder: FileFolder, name: string, signal?: AbortSignal): Promise<unknown> {
  const bytes = await readSmall(folder, name, signal);
  if (bytes && isLfsPointer(bytes)) throw lfsPointerError(name);
  return bytes && parseJson(`${quoted(name)} in ${folder.label}`, bytes);
}

/**
 * A text file, whole.
 * @returns undefined when there is no such file
 * @throws CheckpointError when it is too large or is not UTF-8
 */
export async function readText(
  folder: FileFolder,
  name: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const bytes = await readSmall(folder, name, signal);
  if (!bytes) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CheckpointError(
      `${quoted(name)} in ${folder.label} is not text in UTF-8. Fetch the file again.`,
    );
  }
}

/** Python's json writes numbers for which JSON has no word: a Mamba 2 configuration has a largest step of `Infinity`. */
const pythonInfinity = /(?<=[[,:]\s*-?)Infinity(?=\s*[,\]}])/g;

/** @throws CheckpointError when the bytes are not JSON in UTF-8; `what` begins the sentence */
export function parseJson(what: string, bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    try {
      return JSON.parse(text);
    } catch (cause) {
      // Beyond the largest double, so that it is read as Infinity.
      const plain = text.replaceAll(pythonInfinity, '1e999');
      if (plain === text) throw cause;
      return JSON.parse(plain);
    }
  } catch (cause) {
    throw new CheckpointError(`${what} is not valid JSON (${reasonOf(cause)}). Fetch the file again.`);
  }
}
