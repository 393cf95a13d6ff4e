// What the library stands on where it runs on Node: files of the disk, and onnxruntime's Node or WASM build.

import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { openModel } from '../checkpoint/openNode.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import { openNodeBackend } from '../runtime/backends/optionalNodeBackend.ts';
import { createWasmBackendOnNode } from '../runtime/backends/wasmBackendOnNode.ts';
import { createWebGpuBackendOnNode } from '../runtime/backends/webgpuBackendOnNode.ts';

export interface PlatformOptions {
  /** Default: on Node `node`; in a browser `webgpu` where the machine has a graphics adapter, else `wasm`. */
  readonly backend?: 'node' | 'wasm' | 'webgpu';
  /** On Node, for one operator; default 2. */
  readonly threads?: number;
  /** On Node with `webgpu`: the graphics adapter of this number (`patchbay devices`); default the first that is no software. */
  readonly device?: number;
}

const openBackend = ({ backend = 'node', threads = 2, device }: PlatformOptions): Promise<Backend> => {
  if (device !== undefined && backend !== 'webgpu')
    throw new CheckpointError(`'device' is for the backend 'webgpu'; on '${backend}' leave it out.`);
  if (backend === 'webgpu') return createWebGpuBackendOnNode({ device });
  return backend === 'node' ? openNodeBackend(threads) : createWasmBackendOnNode(threads);
};

export async function openPlatformModel(source: string | readonly File[], options: PlatformOptions) {
  if (typeof source !== 'string')
    throw new CheckpointError('Files are picked in a browser; on Node, name a folder or a .gguf file.');
  const checkpoint = await openModel(source);
  try {
    return { checkpoint, backend: await openBackend(options) };
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}
