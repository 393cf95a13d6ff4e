// What a clone without Git LFS leaves in place of a large file: a few lines that say where it is. Fetching the repository
// the same way again gives the same lines.

import { quoted } from '../../messages/wording.ts';
import { CheckpointError } from '../checkpoint.ts';

const beginning = 'version https://git-lfs.github.com/spec/';

export function isLfsPointer(bytes: Uint8Array): boolean {
  return new TextDecoder().decode(bytes.subarray(0, beginning.length)) === beginning;
}

export function lfsPointerError(label: string): CheckpointError {
  return new CheckpointError(
    `${quoted(label)} is a pointer of Git LFS and not the file itself: its repository was cloned without LFS. ` +
      "Run 'git lfs install' and 'git lfs pull' in its folder, or download the file.",
  );
}

/** What is needed of a file; byteSource.ts has the rest. */
interface Readable {
  readonly label: string;
  readonly sizeBytes: number;
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
}

/** @throws CheckpointError when the file is a pointer */
export async function refuseLfsPointer(source: Readable, signal?: AbortSignal): Promise<void> {
  if (source.sizeBytes < beginning.length || source.sizeBytes > 1024) return;
  if (isLfsPointer(await source.read(0, beginning.length, signal))) throw lfsPointerError(source.label);
}
