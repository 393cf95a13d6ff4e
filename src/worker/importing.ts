// An ONNX file that was chosen or dropped, as a model of the engine. Its graphs run on WebAssembly whatever the device is, since
// that knows every operator; the formulas of edits and what is read of logits run on the device.

import type { Checkpoint, Tokenizer } from '../checkpoint/checkpoint.ts';
import { blobSource } from '../checkpoint/sources/blob.ts';
import type { FileFolder } from '../checkpoint/sources/byteSource.ts';
import { createBrowserRuntime } from '../imported/browserRuntime.ts';
import { onnxCheckpoint, openOnnxOf } from '../imported/onnxFolder.ts';
import { tokenModel } from '../imported/tokenModel.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import type { Model } from '../runtime/model.ts';
import { threadCount } from './device.ts';
import type { OnnxFiles } from './onnxFiles.ts';

/** Files by their own names, wherever they lay: a tokenizer may lie above the folder of the model. */
function byName(label: string, files: readonly File[]): FileFolder {
  return {
    label,
    list: async () => files.map(({ name }) => name),
    async open(name) {
      const file = files.find((each) => each.name === name);
      return file && blobSource(name, file);
    },
  };
}

export interface Imported {
  readonly checkpoint: Checkpoint;
  readonly tokenizer: Tokenizer;
  readonly model: Model;
  readonly notices: readonly string[];
}

/**
 * @param backend the engine's device, for formulas; it stays open
 * @throws CheckpointError when the file cannot be opened, reads no tokens or predicts none, or lacks its tokenizer
 */
export async function openImported(
  { files, name }: OnnxFiles,
  backend: Backend,
  signal?: AbortSignal,
): Promise<Imported> {
  const folder = byName(name, files);
  const runtime = await createBrowserRuntime(threadCount());
  try {
    const imported = await openOnnxOf(folder, name, runtime, signal ? { signal } : {});
    try {
      const checkpoint: Checkpoint = {
        ...onnxCheckpoint(name, folder),
        close: async () => {
          await imported.dispose();
          await runtime.close();
        },
      };
      const tokenizer = await checkpoint.tokenizer(signal);
      const model = await tokenModel(imported, backend);
      return { checkpoint, tokenizer, model, notices: model.notices };
    } catch (error) {
      await imported.dispose();
      throw error;
    }
  } catch (error) {
    await runtime.close();
    throw error;
  }
}
