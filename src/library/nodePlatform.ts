// What the library stands on where it runs on Node: files of the disk, and onnxruntime's Node or WASM build.

import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { openModel } from '../checkpoint/openNode.ts';
import { openNodeBackend } from '../runtime/backends/optionalNodeBackend.ts';
import { createWasmBackendOnNode } from '../runtime/backends/wasmBackendOnNode.ts';

export interface PlatformOptions {
  /** Default: on Node `node`; in a browser `webgpu` where the machine has a graphics adapter, else `wasm`. */
  readonly backend?: 'node' | 'wasm' | 'webgpu';
  /** On Node, for one operator; default 2. */
  readonly threads?: number;
}

export async function openPlatformModel(
  source: string | readonly File[],
  { backend = 'node', threads = 2 }: PlatformOptions,
) {
  if (typeof source !== 'string')
    throw new CheckpointError('Files are picked in a browser; on Node, name a folder or a .gguf file.');
  if (backend === 'webgpu')
    throw new CheckpointError("Node has no WebGPU; choose the backend 'node' or 'wasm'.");
  const checkpoint = await openModel(source);
  try {
    const opened = backend === 'node' ? openNodeBackend(threads) : createWasmBackendOnNode(threads);
    return { checkpoint, backend: await opened };
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}
