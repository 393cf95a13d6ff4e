// onnxruntime-node, where it is installed. It weighs more than all else of Patchbay, and whoever only bundles the library
// for browsers has no use for it, so it is an optional dependency and is looked for when somebody wants to compute with it.

import { type Backend, BackendError } from './backend.ts';

const isMissing = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND';

/**
 * @param threads for one operator; default: the cores of the machine
 * @throws BackendError where onnxruntime-node is not installed, or has no program for this machine
 */
export async function openNodeBackend(threads?: number): Promise<Backend> {
  try {
    const { createNodeBackend } = await import('./nodeBackend.ts');
    return createNodeBackend(threads);
  } catch (cause) {
    const reason = isMissing(cause)
      ? 'it is not installed'
      : `it cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new BackendError(
      `The backend 'node' needs onnxruntime-node, and ${reason}. Install it (npm install onnxruntime-node), or choose the backend 'wasm'.`,
    );
  }
}
