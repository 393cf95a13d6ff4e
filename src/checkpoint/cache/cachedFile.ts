// A file of a server of which the browser keeps pieces: what is kept is read from there, the rest is fetched piece by
// piece and kept. A download that was stopped goes on where it was. Where nothing can be kept, the very range that is
// asked for is fetched and no more.

import { quoted } from '../../messages/wording.ts';
import { CheckpointError } from '../checkpoint.ts';
import { type ByteSource, requireRange } from '../sources/byteSource.ts';

/** The pieces of one version of one file. */
export interface FilePieces {
  /** Bytes of a piece; the last one of a file is shorter. */
  readonly pieceBytes: number;
  /** False once nothing more can be kept. */
  readonly isKeeping: boolean;
  read(index: number, sizeBytes: number): Promise<Uint8Array | undefined>;
  /** Never fails: what cannot be kept is used all the same. */
  keep(index: number, bytes: Uint8Array): Promise<void>;
}

export interface CachedFile {
  readonly label: string;
  readonly sizeBytes: number;
  /** The file at its server, opened when the first byte is missing. @throws CheckpointError */
  readonly remote: (signal?: AbortSignal) => Promise<ByteSource>;
  readonly pieces: FilePieces;
}

/** Read a file through what is kept of it. Closing it leaves the file at its server to whoever opened that. */
export function cachedFile({ label, sizeBytes, remote, pieces }: CachedFile): ByteSource {
  const { pieceBytes } = pieces;
  let isOpen = true;

  async function fetched(from: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    const source = await remote(signal);
    if (source.sizeBytes !== sizeBytes) {
      throw new CheckpointError(
        `${quoted(label)} has ${source.sizeBytes} bytes at its server and had ${sizeBytes} when a part of it was kept. ` +
          'Open the model again to fetch it anew.',
      );
    }
    return source.read(from, length, signal);
  }

  /** Bytes `from` to `to` of the file, which lie within one piece. */
  async function withinPiece(
    index: number,
    from: number,
    to: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const start = index * pieceBytes;
    const length = Math.min(pieceBytes, sizeBytes - start);
    let piece = await pieces.read(index, length);
    signal?.throwIfAborted();
    if (!piece && !pieces.isKeeping) return fetched(from, to - from, signal);
    if (!piece) {
      piece = await fetched(start, length, signal);
      await pieces.keep(index, piece);
    }
    return piece.subarray(from - start, to - start);
  }

  return {
    label,
    sizeBytes,
    async read(offset, length, signal) {
      signal?.throwIfAborted();
      if (!isOpen)
        throw new CheckpointError(`${quoted(label)} has been closed. Open the model again to read from it.`);
      requireRange(label, sizeBytes, offset, length);
      const bytes = new Uint8Array(length);
      const end = offset + length;
      for (let at = offset; at < end; ) {
        const index = Math.floor(at / pieceBytes);
        const to = Math.min(end, (index + 1) * pieceBytes);
        bytes.set(await withinPiece(index, at, to, signal), at - offset);
        at = to;
      }
      return bytes;
    },
    async close() {
      isOpen = false;
    },
  };
}
