// onnxruntime-web on Node: the page's arithmetic without a browser, and a way to run where onnxruntime-node is not installed.

import type { Backend } from './backend.ts';
import { wasmFilesOnNode } from './ortFilesOnNode.ts';
import { wasmBackend } from './wasmBackend.ts';

/** @param threads for one operator */
export async function createWasmBackendOnNode(threads: number): Promise<Backend> {
  const ort = await import('onnxruntime-web');
  ort.env.wasm.numThreads = threads;
  if (wasmFilesOnNode) ort.env.wasm.wasmPaths = wasmFilesOnNode;
  return wasmBackend(ort, threads);
}
