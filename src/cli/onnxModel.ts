// Opens a model brought as ONNX for the length of one command.

import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { FileFolder } from '../checkpoint/sources/byteSource.ts';
import { diskFolder, openDiskFile } from '../checkpoint/sources/disk.ts';
import { readExample } from '../imported/exampleFiles.ts';
import type { ImportedModel, OpenImportedOptions } from '../imported/importedModel.ts';
import { createNodeRuntime, createWasmRuntimeOnNode } from '../imported/nodeRuntime.ts';
import { onnxCheckpoint, openOnnxOf } from '../imported/onnxFolder.ts';
import type { FixedInputs } from '../imported/piece.ts';
import type { NamedTensors, OnnxRuntime } from '../imported/runtime.ts';
import type { Tensor } from '../imported/tensor.ts';
import { tokenModel } from '../imported/tokenModel.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import type { Model } from '../runtime/model.ts';
import { UsageError } from './arguments.ts';
import type { Arguments, CommandOption } from './command.ts';

export type OnnxBackendKind = 'node' | 'wasm';

export interface OnnxOptions {
  /** For one operator. */
  readonly threads?: number | undefined;
}

/** Whether a person means an ONNX file. */
export const isOnnxFile = (spec: string): boolean => /\.onnx$/i.test(spec);

export const fixOption: CommandOption = {
  value: 'INPUT=VALUE',
  about: 'an input of an ONNX file that is a constant: one that chooses a branch',
  isRepeated: true,
};

export const inputOption: CommandOption = {
  value: 'FILE',
  about: 'numbers to try an ONNX file with: .safetensors or .json by input names, or INPUT=FILE.npy',
  isRepeated: true,
};

/** @throws UsageError or CheckpointError when a file is not there, or holds no numbers */
export async function readInputs(args: Arguments): Promise<NamedTensors> {
  const all: Record<string, Tensor> = {};
  for (const text of args.texts('input')) {
    const [, name, path = text] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    const source = await openDiskFile(path);
    if (!source) throw new UsageError(`There is no file '${path}'.`);
    try {
      Object.assign(all, await readExample(source, name));
    } finally {
      await source.close();
    }
  }
  return all;
}

/** @throws UsageError when a fix is not of the form `name=number`, `name=true` or `name=false` */
export function readFixed(args: Arguments): FixedInputs {
  return Object.fromEntries(
    args.texts('fix').map((text) => {
      const [, name, value] = /^(.+)=(true|false|-?[\d.]+)$/.exec(text) ?? [];
      if (name === undefined || value === undefined)
        throw new UsageError(`--fix must be INPUT=VALUE with a number, true or false; it is '${text}'.`);
      return [name, value === 'true' ? true : value === 'false' ? false : Number(value)];
    }),
  );
}

/** A runtime for ONNX files, default as many threads as the engine's own models have. */
export function createOnnxRuntime(
  kind: OnnxBackendKind,
  { threads }: OnnxOptions = {},
): Promise<OnnxRuntime> {
  return kind === 'node' ? createNodeRuntime(threads ?? 2) : createWasmRuntimeOnNode(threads ?? 2);
}

/** @throws CheckpointError when the file is not there, or cannot be opened */
export const openOnnx = (
  path: string,
  runtime: OnnxRuntime,
  options: Omit<OpenImportedOptions, 'openPart'> = {},
): Promise<ImportedModel> => openOnnxOf(diskFolder(dirname(path)), basename(path), runtime, options);

/** Open, use and close. */
export async function withOnnx<T>(
  path: string,
  kind: OnnxBackendKind,
  { fixed = {}, example = {}, ...options }: OnnxOptions & Pick<OpenImportedOptions, 'fixed' | 'example'>,
  use: (model: ImportedModel) => Promise<T>,
): Promise<T> {
  const runtime = await createOnnxRuntime(kind, options);
  try {
    const model = await openOnnx(path, runtime, { fixed, example });
    try {
      return await use(model);
    } finally {
      await model.dispose();
    }
  } finally {
    await runtime.close();
  }
}

/** Where a model's tokenizer may lie: beside the file, or beside the folder `onnx` that Transformers.js has it in. */
function tokenizerFolder(path: string): FileFolder {
  const own = dirname(path);
  const above = dirname(own);
  const isAbove = !existsSync(join(own, 'tokenizer.json')) && existsSync(join(above, 'tokenizer.json'));
  return diskFolder(isAbove ? above : own);
}

/**
 * Open a file that reads tokens as a model of the engine's experiments.
 * @param backend for formulas and reductions; it stays open
 * @throws CheckpointError where the file cannot be opened, reads no tokens or predicts none
 */
export async function withTokenModel<T>(
  path: string,
  kind: OnnxBackendKind,
  options: OnnxOptions,
  backend: Backend,
  use: (model: Model, checkpoint: Checkpoint) => Promise<T>,
): Promise<T> {
  return withOnnx(path, kind, options, async (imported) => {
    const model = await tokenModel(imported, backend);
    try {
      return await use(model, onnxCheckpoint(imported.label, tokenizerFolder(path)));
    } finally {
      await model.dispose();
    }
  });
}
