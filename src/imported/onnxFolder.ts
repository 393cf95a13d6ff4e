// An ONNX file among others: those that hold its weights, and the tokenizer that goes with it.

import { type Checkpoint, CheckpointError } from '../checkpoint/checkpoint.ts';
import type { FileFolder } from '../checkpoint/sources/byteSource.ts';
import { folderTokenizer } from '../checkpoint/tokenizer/tokenizerFiles.ts';
import { quoted } from '../messages/wording.ts';
import { aroundFile } from './besideFile.ts';
import { ImportedModel, type OpenImportedOptions } from './importedModel.ts';
import type { OnnxRuntime } from './runtime.ts';

/**
 * @param name of the file, with slashes where it lies in a folder of the folder
 * @throws CheckpointError when there is no such file, or it cannot be opened
 */
export async function openOnnxOf(
  folder: FileFolder,
  name: string,
  runtime: OnnxRuntime,
  options: Omit<OpenImportedOptions, 'openPart'> = {},
): Promise<ImportedModel> {
  const around = aroundFile(folder, name);
  const source = await folder.open(name, options.signal);
  if (!source)
    throw new CheckpointError(`${quoted(name)} does not exist in ${folder.label}. Check the path.`);
  try {
    return await ImportedModel.open(source, runtime, {
      ...options,
      openPart: (part) => around.folder.open(part),
    });
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** What the engine knows of a checkpoint, of a file that is none: its label and the tokenizer beside it. */
export function onnxCheckpoint(label: string, tokenizerFolder: FileFolder): Checkpoint {
  return {
    label,
    config: {},
    tensors: new Map(),
    read: async (name) => {
      throw new CheckpointError(`${label} hands out no weights by name; ${quoted(name)} was asked for.`);
    },
    tokenizer: (signal) => folderTokenizer(tokenizerFolder, {}, signal),
    close: async () => {},
  };
}
