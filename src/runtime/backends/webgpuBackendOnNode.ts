// The page's WebGPU backend without a browser: onnxruntime-web on Dawn.

import { add } from '../../onnx/elementwise.ts';
import { graph } from '../../onnx/graph.ts';
import { input } from '../../onnx/value.ts';
import type { Backend } from './backend.ts';
import { compiledByBaseline } from './baselineWasm.ts';
import { type DawnOptions, openDawn } from './dawn.ts';
import type { WebGpuLimits } from './gpuLimits.ts';
import type { WatchOptions } from './gpuWatch.ts';
import { webgpuFilesOnNode } from './ortFilesOnNode.ts';
import { createWebGpuBackend, type WebGpuBackendOptions } from './webgpuBackend.ts';

export interface WebGpuOnNodeOptions extends DawnOptions {
  /** Default all that the adapter has. */
  readonly limits?: WebGpuLimits | undefined;
  /** Who is told that the GPU does not answer. */
  readonly watch?: WatchOptions | undefined;
}

/** The runtime's program is compiled with its first graph. */
async function started(options: WebGpuBackendOptions): Promise<Backend> {
  const backend = await createWebGpuBackend(options);
  const x = input('x', 'float32', [1]);
  const program = await backend.compile(graph({ y: add(x, x) }));
  await program.dispose();
  return backend;
}

/** @throws BackendError where Dawn is missing, there is no driver, or no adapter of that number */
export async function createWebGpuBackendOnNode({
  limits,
  watch,
  ...options
}: WebGpuOnNodeOptions = {}): Promise<Backend> {
  const { adapter, close } = await openDawn(options);
  try {
    return await compiledByBaseline(() =>
      started({
        adapter,
        onClose: close,
        ...(webgpuFilesOnNode ? { wasmPaths: webgpuFilesOnNode } : {}),
        ...(limits ? { limits } : {}),
        watch,
      }),
    );
  } catch (error) {
    close();
    throw error;
  }
}
