// What the library stands on where it runs on Node: files of the disk, and onnxruntime's Node or WASM build.

import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { openModel } from '../checkpoint/openNode.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { createWasmBackendOnNode } from '../runtime/backends/wasmBackend.ts';

export interface PlatformOptions {
  /** Default `node`. */
  readonly backend?: 'node' | 'wasm' | 'webgpu';
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
  return {
    checkpoint,
    backend: backend === 'node' ? createNodeBackend(threads) : await createWasmBackendOnNode(threads),
  };
}
