// onnxruntime-web on WebAssembly, with threads where the page is cross-origin isolated.

import type { Backend } from './backend.ts';
import { HostBackend } from './hostBackend.ts';

export interface WasmBackendOptions {
  /** More than one needs SharedArrayBuffer, and so a cross-origin isolated page. */
  readonly threads: number;
  /** Where the page serves onnxruntime's files; absent on Node, where they lie in the package. Never a CDN. */
  readonly wasmPaths?: { readonly wasm: string; readonly mjs: string };
}

export async function createWasmBackend({ threads, wasmPaths }: WasmBackendOptions): Promise<Backend> {
  const ort = await import('onnxruntime-web/wasm');
  ort.env.wasm.numThreads = threads;
  if (wasmPaths) ort.env.wasm.wasmPaths = wasmPaths;
  return new HostBackend({
    kind: 'wasm',
    description: `${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    ort,
    sessionOptions: { executionProviders: ['wasm'], graphOptimizationLevel: 'all', logSeverityLevel: 3 },
  });
}
