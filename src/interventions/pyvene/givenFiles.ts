// The files of a saved folder, wherever a caller has them: in memory, picked in a browser, or on Node's disk.

import { CheckpointError } from '../../checkpoint/checkpoint.ts';
import { quoted, reasonOf } from '../../messages/wording.ts';
import { shownValue } from '../arguments.ts';
import type { PyveneFiles } from './pyveneFolder.ts';

const inMemory = (files: ReadonlyMap<string, Uint8Array>): PyveneFiles => ({
  label: 'the given files',
  names: () => [...files.keys()],
  read: async (name) => files.get(name) ?? new Uint8Array(),
});

function picked(files: readonly File[]): PyveneFiles {
  const byName = new Map(files.map((file) => [file.name, file]));
  return {
    // Node's File has no such field.
    label: (files[0]?.webkitRelativePath ?? '').split('/').at(-2) || 'the picked files',
    names: () => [...byName.keys()],
    read: async (name) => new Uint8Array((await byName.get(name)?.arrayBuffer()) ?? []),
  };
}

/** A folder on Node's disk. @throws CheckpointError in a browser, and for a path that is not a folder */
async function onDisk(path: string): Promise<PyveneFiles> {
  const node = (globalThis as { readonly process?: Partial<NodeJS.Process> }).process?.getBuiltinModule;
  const [disk, paths] = [node?.('node:fs/promises'), node?.('node:path')];
  if (!disk || !paths)
    throw new CheckpointError(
      `${quoted(path)} is a path, and only Node (20.16 or newer) opens folders by their path. Give the files themselves.`,
    );
  const names = await disk.readdir(path).catch((error: unknown) => {
    throw new CheckpointError(
      `The folder ${quoted(path)} cannot be read (${reasonOf(error)}). Check the path.`,
    );
  });
  return {
    label: path,
    names: () => names,
    read: async (name) => disk.readFile(paths.join(path, name)),
  };
}

/** @throws CheckpointError for what holds no files */
export async function filesOf(
  given: PyveneFiles | ReadonlyMap<string, Uint8Array> | readonly File[] | string,
): Promise<PyveneFiles> {
  if (typeof given === 'string') return onDisk(given);
  if (given instanceof Map) return inMemory(given);
  if (Array.isArray(given)) return picked(given);
  if ('names' in given && typeof given.names === 'function' && 'read' in given) return given;
  throw new CheckpointError(
    `${shownValue(given)} holds no files of interventions. Give the Map that 'save' returns, picked files, the path of a folder, or { label, names, read }.`,
  );
}
