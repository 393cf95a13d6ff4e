// Reference folders that bring their model as model.onnx, opened from the disk.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CheckpointError } from '../../checkpoint/checkpoint.ts';
import { diskFolder, openDiskFile } from '../../checkpoint/sources/disk.ts';
import { readSafetensorsFile } from '../../imported/tensorFiles.ts';
import type { Backend, BackendKind } from '../../runtime/backends/backend.ts';
import { createOnnxRuntime, gpuOf } from '../onnxModel.ts';
import type { CaseResult } from './cases.ts';
import { type Tolerance, tolerances } from './compare.ts';
import { runOnnxCases } from './onnxCases.ts';

export const isOnnxFolder = (path: string): boolean => existsSync(join(path, 'model.onnx'));

async function opened(path: string) {
  const source = await openDiskFile(path);
  if (!source) throw new CheckpointError(`There is no '${path}'.`);
  return source;
}

export interface OnnxFolderRun {
  readonly kind?: string | undefined;
  readonly threads?: number | undefined;
  /** Whose GPU runs what it can; of the kind webgpu. */
  readonly gpuBackend?: Backend | undefined;
  readonly tolerance?: Tolerance | undefined;
  readonly onCase: (result: CaseResult) => void;
}

/** Run the cases of such a folder. @throws CheckpointError when its files are not there */
export async function conformOnnx(path: string, backend: BackendKind, run: OnnxFolderRun): Promise<void> {
  const source = await opened(join(path, 'tensors.safetensors'));
  const tensors = await readSafetensorsFile(source).finally(() => source.close());
  const runtime = await createOnnxRuntime(backend, { threads: run.threads });
  const reference = {
    casesText: readFileSync(join(path, 'cases.json'), 'utf8'),
    tensors,
    model: () => opened(join(path, 'model.onnx')),
    openPart: (name: string) => diskFolder(path).open(name),
  };
  const options = {
    tolerance: run.tolerance ?? tolerances[backend],
    gpu: gpuOf(run.gpuBackend),
    ...(run.kind === undefined ? {} : { kind: run.kind }),
  };
  try {
    for await (const result of runOnnxCases(reference, runtime, options)) run.onCase(result);
  } finally {
    await runtime.close();
  }
}
