// Files that a person chose or dropped on the page. Nothing is copied until a range is asked for: the browser reads that
// range from the disk.

import { quoted, reasonOf } from '../../messages/wording.ts';
import { CheckpointError } from '../checkpoint.ts';
import { type ByteSource, type FileFolder, requireRange } from './byteSource.ts';

/** One file or blob. */
export function blobSource(label: string, blob: Blob, onBytes?: (bytes: number) => void): ByteSource {
  return {
    label,
    sizeBytes: blob.size,
    async read(offset, length, signal) {
      signal?.throwIfAborted();
      requireRange(label, blob.size, offset, length);
      let bytes: Uint8Array;
      try {
        bytes = new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      } catch (cause) {
        throw new CheckpointError(
          `${quoted(label)} cannot be read any more (${reasonOf(cause)}). It was moved or changed; choose it again.`,
        );
      }
      signal?.throwIfAborted();
      if (bytes.byteLength !== length) {
        throw new CheckpointError(
          `${quoted(label)} gave ${bytes.byteLength} of ${length} bytes. It was moved or changed; choose it again.`,
        );
      }
      onBytes?.(length);
      return bytes;
    },
    close: async () => {},
  };
}

/**
 * Files as a folder. Of a chosen or dropped directory every file knows its path (`webkitRelativePath`); the files of the
 * shallowest directory that holds a config.json are the model, others are left aside.
 */
export function filesFolder(files: readonly File[], onBytes?: (bytes: number) => void): FileFolder {
  const paths = files.map((file) => ({ file, path: file.webkitRelativePath || file.name }));
  const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1);
  const depth = (folder: string): number => folder.split('/').length;
  const roots = paths
    .filter(({ file }) => file.name === 'config.json')
    .map(({ path }) => folderOf(path))
    .sort((a, b) => depth(a) - depth(b));
  const root = roots[0] ?? '';
  const byName = new Map(
    paths
      .filter(({ path }) => path.startsWith(root))
      .map(({ file, path }) => [path.slice(root.length), file]),
  );
  return {
    label: root.split('/').at(-2) ?? 'the chosen files',
    list: async () => [...byName.keys()].sort(),
    async open(name) {
      const file = byName.get(name);
      return file && blobSource(name, file, onBytes);
    },
  };
}
