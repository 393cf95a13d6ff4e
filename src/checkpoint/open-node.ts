// The openers for Node. A page imports open.ts instead: this file reaches the disk.
import type { OpenOptions } from './byte-source.ts';
import { type Checkpoint, CheckpointError } from './checkpoint.ts';
import { diskFolder, kindOfPath } from './disk.ts';
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
