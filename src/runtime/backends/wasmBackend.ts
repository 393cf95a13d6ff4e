// onnxruntime-web on WebAssembly, with threads where the page is cross-origin isolated.

import type { Backend } from './backend.ts';
import { createBreather } from './breathe.ts';
import { HostBackend, type Onnxruntime, sharedCores } from './hostBackend.ts';

export interface WasmBackendOptions {
  /** More than one needs SharedArrayBuffer, and so a cross-origin isolated page. */
  readonly threads: number;
  /** Where the page serves onnxruntime's files. Never a CDN. */
  readonly wasmPaths: { readonly wasm: string; readonly mjs: string };
}

/**
 * Weights wait in JavaScript's memory, but ORT copies what a graph is given into its heap of at most 4 GiB. A quarter of
 * that is left to results and to ORT itself.
 */
const largestPartBytes = 3 * 2 ** 30;

/** @param ort a build of onnxruntime-web, its threads and files set */
export const wasmBackend = (ort: Onnxruntime, threads: number, breathe?: () => Promise<void>): Backend =>
  new HostBackend({
    kind: 'wasm',
    description: `${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    largestPartBytes,
    copiesInputs: true,
    ort,
    ...(breathe ? { breathe } : {}),
    sessionOptions: {
      executionProviders: ['wasm'],
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      extra: sharedCores,
    },
  });

/** In a browser. */
export async function createWasmBackend({ threads, wasmPaths }: WasmBackendOptions): Promise<Backend> {
  const ort = await import('onnxruntime-web/wasm');
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = wasmPaths;
  return wasmBackend(ort, threads, createBreather());
}
