// What lies beside an ONNX file and says what its numbers mean: how a picture becomes numbers, what the entries of an output are
// called.

import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { type FileFolder, readJson } from '../checkpoint/sources/byteSource.ts';

export interface BesideFile {
  /** In the words of preprocessor_config.json; absent where there is none. */
  readonly preprocessor?: Readonly<Record<string, unknown>>;
  /** Names of an output's entries, in order: `id2label` of config.json. */
  readonly labels?: readonly string[];
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @throws CheckpointError when the labels are not numbered from 0 on */
function labelsOf(config: unknown): readonly string[] | undefined {
  const named = isObject(config) ? config.id2label : undefined;
  if (!isObject(named)) return undefined;
  const labels = Object.keys(named).map((_, id) => named[String(id)]);
  if (!labels.every((label) => typeof label === 'string'))
    throw new CheckpointError(
      "The 'id2label' of config.json does not number its labels from 0 on. Mend it, or take the file away.",
    );
  return labels;
}

/** @throws CheckpointError when a file is there and is damaged */
export async function readBeside(folder: FileFolder, signal?: AbortSignal): Promise<BesideFile> {
  const preprocessor = await readJson(folder, 'preprocessor_config.json', signal);
  const labels = labelsOf(await readJson(folder, 'config.json', signal));
  return { ...(isObject(preprocessor) ? { preprocessor } : {}), ...(labels ? { labels } : {}) };
}

/** The folder that a path begins with, to its last slash; empty where it has none. */
const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1);

/** A folder within another. */
export function folderWithin(folder: FileFolder, path: string): FileFolder {
  if (path === '') return folder;
  return {
    label: folder.label,
    list: async (signal) =>
      (await folder.list(signal))
        ?.filter((name) => name.startsWith(path))
        .map((name) => name.slice(path.length)),
    open: (name, signal) => folder.open(`${path}${name}`, signal),
  };
}

export interface AroundFile {
  /** The file's own name in its own folder. */
  readonly name: string;
  readonly folder: FileFolder;
  /** Where what goes with it may lie: beside it, and beside the folder `onnx` that Transformers.js has it in. */
  readonly companions: FileFolder;
}

/** @param path of the file within a folder, with slashes */
export function aroundFile(folder: FileFolder, path: string): AroundFile {
  const inside = folderOf(path);
  const own = folderWithin(folder, inside);
  const [above] = /^(?:.*\/)?(?=onnx\/$)/.exec(inside) ?? [];
  const name = path.slice(inside.length);
  if (above === undefined) return { name, folder: own, companions: own };
  const outer = folderWithin(folder, above);
  const companions: FileFolder = {
    label: folder.label,
    list: (signal) => outer.list(signal),
    open: async (file, signal) => (await own.open(file, signal)) ?? outer.open(file, signal),
  };
  return { name, folder: own, companions };
}
