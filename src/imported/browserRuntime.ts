// The runtime of the page: onnxruntime-web on WebAssembly, which knows every operator that a file may have. Only code that Vite
// bundles may import this.

import { wasmFiles } from '../runtime/backends/ortFiles.ts';
import { hostSessionOptions, type OnnxRuntime, OrtRuntime, wasmWeightBytes } from './runtime.ts';

/** @param threads for one operator; more than one needs a page that is cross-origin isolated */
export async function createBrowserRuntime(threads: number): Promise<OnnxRuntime> {
  const ort = await import('onnxruntime-web/wasm');
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = wasmFiles;
  return new OrtRuntime({
    kind: 'wasm',
    description: `${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    ort,
    mostWeightBytes: wasmWeightBytes,
    sessionOptions: { ...hostSessionOptions, executionProviders: ['wasm'] },
  });
}
