// Files and folders on a disk. The only file here that names node:fs, so nothing that a page imports may import it.
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { quoted, reasonOf } from '../../messages/wording.ts';
import { CheckpointError } from '../checkpoint.ts';
import { type ByteSource, type FileFolder, requireRange } from './byteSource.ts';

/** Reads larger than this are cut in pieces, so that an abort takes effect between them and progress is seen. */
const pieceBytes = 64 * 1024 * 1024;

const isMissing = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR');

/**
 * One file on the disk.
 * @returns undefined when there is no such file
 * @throws CheckpointError when it is there and cannot be opened
 */
export async function openDiskFile(
  path: string,
  onBytes?: (bytes: number) => void,
): Promise<ByteSource | undefined> {
  const label = basename(path);
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new CheckpointError(
      `${quoted(path)} cannot be opened (${reasonOf(cause)}). Check its permissions.`,
    );
  }
  const found = await handle.stat();
  if (!found.isFile()) {
    await handle.close();
    throw new CheckpointError(`${quoted(path)} is not a file. Name the folder itself, or a file within it.`);
  }
  let isOpen = true;
  return {
    label,
    sizeBytes: found.size,
    async read(offset, length, signal) {
      signal?.throwIfAborted();
      if (!isOpen)
        throw new CheckpointError(`${quoted(label)} has been closed. Open the model again to read from it.`);
      requireRange(label, found.size, offset, length);
      // Nothing is exposed: every byte is overwritten or the read fails.
      const buffer = Buffer.allocUnsafeSlow(length);
      const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, length);
      for (let done = 0; done < length; ) {
        signal?.throwIfAborted();
        const got = await readPiece(
          handle,
          label,
          bytes,
          done,
          Math.min(pieceBytes, length - done),
          offset + done,
        );
        done += got;
        onBytes?.(got);
      }
      return bytes;
    },
    async close() {
      if (!isOpen) return;
      isOpen = false;
      await handle.close();
    },
  };
}

async function readPiece(
  handle: FileHandle,
  label: string,
  bytes: Uint8Array,
  at: number,
  length: number,
  position: number,
): Promise<number> {
  let got: number;
  try {
    got = (await handle.read(bytes, at, length, position)).bytesRead;
  } catch (cause) {
    throw new CheckpointError(
      `${quoted(label)} cannot be read (${reasonOf(cause)}). Check the disk, or copy the file anew.`,
    );
  }
  if (got === 0) {
    throw new CheckpointError(
      `${quoted(label)} became shorter while it was read. Wait until it is written, then open it again.`,
    );
  }
  return got;
}

/** A folder on the disk. */
export function diskFolder(path: string, onBytes?: (bytes: number) => void): FileFolder {
  return {
    label: basename(path) || path,
    async list() {
      try {
        return (await readdir(path)).sort();
      } catch (cause) {
        throw new CheckpointError(
          `The folder ${quoted(path)} cannot be listed (${reasonOf(cause)}). Check the path.`,
        );
      }
    },
    open: (name) => openDiskFile(join(path, name), onBytes),
  };
}

/** What lies at a path. */
export async function kindOfPath(path: string): Promise<'file' | 'folder' | 'nothing'> {
  try {
    const found = await stat(path);
    return found.isDirectory() ? 'folder' : 'file';
  } catch (cause) {
    if (isMissing(cause)) return 'nothing';
    throw new CheckpointError(
      `${quoted(path)} cannot be reached (${reasonOf(cause)}). Check its permissions.`,
    );
  }
}
