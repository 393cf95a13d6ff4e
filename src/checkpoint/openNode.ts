// The openers of Node, for the command line. A page imports open.ts instead: this file reaches the disk.

import { quoted } from '../messages/wording.ts';
import { type Checkpoint, CheckpointError } from './checkpoint.ts';
import { openGguf } from './gguf/gguf.ts';
import { type HubOptions, openHub, openModelFolder } from './open.ts';
import type { OpenOptions } from './sources/byteSource.ts';
import { diskFolder, kindOfPath, openDiskFile } from './sources/disk.ts';
import { isRepositoryName } from './sources/hub.ts';

/**
 * Open the folder of a model: safetensors as Hugging Face saves them, or a folder with one .gguf file.
 * @throws CheckpointError when it holds no model, or one that is damaged
 */
export async function openFolder(path: string, options: OpenOptions = {}): Promise<Checkpoint> {
  if ((await kindOfPath(path)) !== 'folder') {
    throw new CheckpointError(`${quoted(path)} is not a folder. Check the path.`);
  }
  return openModelFolder(diskFolder(path, options.onBytes), undefined, options.signal);
}

/**
 * Open a .gguf file.
 * @throws CheckpointError when there is no such file, or it is of another kind
 */
export async function openFile(path: string, options: OpenOptions = {}): Promise<Checkpoint> {
  if (path.endsWith('.safetensors')) {
    throw new CheckpointError(
      `${quoted(path)} needs the config.json beside it. Open the folder that holds both instead.`,
    );
  }
  const source = await openDiskFile(path, options.onBytes);
  if (!source) throw new CheckpointError(`${quoted(path)} does not exist. Check the path.`);
  return openGguf(source, options.signal);
}

/**
 * Open a model by what a person writes on the command line.
 *
 * @param spec a folder, a .gguf file, or a Hub id: `owner/name`, `owner/name@revision`, and either followed by
 *             `:FILE.gguf` for one file of a repository. What exists on the disk wins.
 * @param options where the Hub is and the access token, for an id
 * @throws CheckpointError when it is none of these
 */
export async function openModel(
  spec: string,
  options: OpenOptions & Pick<HubOptions, 'hubUrl' | 'accessToken'> = {},
): Promise<Checkpoint> {
  const kind = await kindOfPath(spec);
  if (kind === 'folder') return openFolder(spec, options);
  if (kind === 'file') return openFile(spec, options);
  // A path of any system is none of the Hub's business: `C:\models\x.gguf` has the form of an id and a file.
  const isPath = /^([A-Za-z]:[\\/]|[./~\\])|\\/.test(spec);
  const [, repository = '', revision, file] = isPath
    ? []
    : (/^([^@:]+)(?:@([^:]+))?(?::(.+\.gguf))?$/.exec(spec) ?? []);
  if (!isRepositoryName(repository) || /\.(gguf|safetensors)$/.test(repository)) {
    throw new CheckpointError(
      `${quoted(spec)} is not a folder or file here, nor an id of the Hub (owner/name). Check the path.`,
    );
  }
  return openHub({
    ...options,
    repository,
    ...(revision === undefined ? {} : { revision }),
    ...(file === undefined ? {} : { file }),
  });
}
