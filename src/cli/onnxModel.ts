// Opens a model brought as ONNX for the length of one command.

import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { FileFolder } from '../checkpoint/sources/byteSource.ts';
import { diskFolder, openDiskFile } from '../checkpoint/sources/disk.ts';
import { type HubRepository, hubFolder, isRepositoryName } from '../checkpoint/sources/hub.ts';
import { aroundFile, readBeside } from '../imported/besideFile.ts';
import { readExample } from '../imported/exampleFiles.ts';
import { GpuRuntime } from '../imported/gpuRuntime.ts';
import type { ImportedModel, OpenImportedOptions } from '../imported/importedModel.ts';
import { createNodeRuntime, createWasmRuntimeOnNode } from '../imported/nodeRuntime.ts';
import { onnxCheckpoint, openOnnxOf } from '../imported/onnxFolder.ts';
import type { FixedInputs } from '../imported/piece.ts';
import type { NamedTensors, OnnxRuntime } from '../imported/runtime.ts';
import type { Tensor } from '../imported/tensor.ts';
import { engineModel } from '../imported/tensorModel.ts';
import type { Backend, BackendKind } from '../runtime/backends/backend.ts';
import type { Model } from '../runtime/model.ts';
import { UsageError } from './arguments.ts';
import type { Arguments, CommandOption } from './command.ts';

export interface OnnxOptions {
  /** Its GPU, where it has one, runs the stages that it can. */
  readonly backend?: Backend | undefined;
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

/**
 * A runtime for ONNX files, default as many threads as the engine's own models have; on WebGPU the one beside it, which runs
 * what the GPU does not.
 */
export function createOnnxRuntime(kind: BackendKind, { threads }: OnnxOptions = {}): Promise<OnnxRuntime> {
  return kind === 'node' ? createNodeRuntime(threads ?? 2) : createWasmRuntimeOnNode(threads ?? 2);
}

/** What runs a file's stages on a backend's GPU; undefined where it has none. */
export const gpuOf = (backend: Backend | undefined): GpuRuntime | undefined =>
  backend?.gpu && new GpuRuntime(backend.gpu, backend.description);

/** A file by the folder that it and what goes with it lie in. */
interface OnnxPlace {
  readonly folder: FileFolder;
  /** Its path within the folder. */
  readonly name: string;
  /** Where what goes with it lies. */
  readonly companions: FileFolder;
}

/** `owner/name:onnx/model.onnx`, at a revision where one stands behind an at sign. */
const hubForm = /^([^@:\\]+)(?:@([^:]+))?:(.+\.onnx)$/i;

const placed = (folder: FileFolder, name: string): OnnxPlace => ({
  folder,
  name,
  companions: aroundFile(folder, name).companions,
});

/**
 * @param spec a path, or a file of a repository of the Hub; what exists on the disk wins
 * @param hub  where the Hub is; default the public one
 */
export function onnxPlace(spec: string, hub: Pick<HubRepository, 'hubUrl'> = {}): OnnxPlace {
  const [, repository = '', revision, file = ''] = hubForm.exec(spec) ?? [];
  if (!existsSync(spec) && isRepositoryName(repository))
    return placed(hubFolder({ ...hub, repository, ...(revision === undefined ? {} : { revision }) }), file);
  const own = dirname(resolve(spec));
  // Transformers.js has its files in a folder `onnx`, and what goes with them above it.
  if (basename(own) === 'onnx') return placed(diskFolder(dirname(own)), `onnx/${basename(spec)}`);
  return placed(diskFolder(own), basename(spec));
}

/** @throws CheckpointError when the file is not there, or cannot be opened */
export function openOnnx(
  spec: string,
  runtime: OnnxRuntime,
  options: Omit<OpenImportedOptions, 'openPart'> = {},
  hub: Pick<HubRepository, 'hubUrl'> = {},
): Promise<ImportedModel> {
  const { folder, name } = onnxPlace(spec, hub);
  return openOnnxOf(folder, name, runtime, options);
}

/** Open, use and close. */
export async function withOnnx<T>(
  path: string,
  kind: BackendKind,
  { fixed = {}, example = {}, ...options }: OnnxOptions & Pick<OpenImportedOptions, 'fixed' | 'example'>,
  use: (model: ImportedModel) => Promise<T>,
): Promise<T> {
  const runtime = await createOnnxRuntime(kind, options);
  try {
    const model = await openOnnx(path, runtime, { fixed, example, gpu: gpuOf(options.backend) });
    try {
      return await use(model);
    } finally {
      await model.dispose();
    }
  } finally {
    await runtime.close();
  }
}

/**
 * Open a file as a model of the engine's experiments: of prompts where it reads tokens, else of its tensors.
 * @param backend for formulas and reductions; it stays open
 * @throws CheckpointError where the file cannot be opened
 */
export async function withEngineModel<T>(
  path: string,
  kind: BackendKind,
  options: OnnxOptions,
  backend: Backend,
  use: (model: Model, checkpoint: Checkpoint) => Promise<T>,
): Promise<T> {
  return withOnnx(path, kind, { ...options, backend }, async (imported) => {
    const { companions } = onnxPlace(path);
    const model = await engineModel(imported, backend, await readBeside(companions));
    try {
      return await use(model, onnxCheckpoint(imported.label, companions));
    } finally {
      await model.dispose();
    }
  });
}
