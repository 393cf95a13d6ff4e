// The runtimes of the command line and the tests: onnxruntime-node, and onnxruntime-web on WebAssembly.

import { wasmFilesOnNode } from '../runtime/backends/ortFilesOnNode.ts';
import { hostSessionOptions, type OnnxRuntime, OrtRuntime, wasmWeightBytes } from './runtime.ts';

/** @param threads for one operator */
export async function createNodeRuntime(threads: number): Promise<OnnxRuntime> {
  const ort = await import('onnxruntime-node');
  return new OrtRuntime({
    kind: 'node',
    description: `${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    ort,
    sessionOptions: {
      ...hostSessionOptions,
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
    },
  });
}

/** @param threads for one operator */
export async function createWasmRuntimeOnNode(threads: number): Promise<OnnxRuntime> {
  const ort = await import('onnxruntime-web');
  ort.env.wasm.numThreads = threads;
  if (wasmFilesOnNode) ort.env.wasm.wasmPaths = wasmFilesOnNode;
  return new OrtRuntime({
    kind: 'wasm',
    description: `${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    ort,
    mostWeightBytes: wasmWeightBytes,
    sessionOptions: { ...hostSessionOptions, executionProviders: ['wasm'] },
  });
}
