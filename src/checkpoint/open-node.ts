// The openers for Node. A page imports open.ts instead: this file reaches the disk.
import type { OpenOptions } from './byte-source.ts';
import { type Checkpoint, CheckpointError } from './checkpoint.ts';
import { diskFolder, kindOfPath, openDiskFile } from './disk.ts';
import { openGguf } from './gguf.ts';
import { openSafetensors } from './safetensors-folder.ts';
import { quoted } from './wording.ts';

/**
 * Open the folder of a model.
 * @throws CheckpointError when it holds no model, or one that is damaged
 */
export async function openFolder(path: string, options: OpenOptions = {}): Promise<Checkpoint> {
  if ((await kindOfPath(path)) !== 'folder') {
    throw new CheckpointError(`${quoted(path)} is not a folder. Check the path.`);
  }
  return openSafetensors(diskFolder(path, options.onBytes), options.signal);
}

/**
 * Open a single file: a `.gguf`.
 * @throws CheckpointError when there is no such file, or it is of another kind
 */
export async function openFile(path: string, options: OpenOptions = {}): Promise<Checkpoint> {
  const source = await openDiskFile(path, options.onBytes);
  if (!source) throw new CheckpointError(`${quoted(path)} does not exist. Check the path.`);
  return openGguf(source, options.signal);
}
