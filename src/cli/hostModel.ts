// Opens a model on a backend that needs no browser, for the length of one command.

import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { openModel } from '../checkpoint/open-node.ts';
import type { Backend } from '../runtime/backend.ts';
import { Model } from '../runtime/model.ts';
import { createNodeBackend } from '../runtime/nodeBackend.ts';
import { createWasmBackendOnNode } from '../runtime/wasmBackend.ts';

export type HostBackendKind = 'node' | 'wasm';

export async function createHostBackend(kind: HostBackendKind): Promise<Backend> {
  return kind === 'node' ? createNodeBackend() : createWasmBackendOnNode(2);
}

/**
 * @param spec a folder, a `.gguf` file or a Hub id
 * @throws CheckpointError or UnsupportedModelError when it cannot be opened
 */
export async function withModel<T>(
  spec: string,
  kind: HostBackendKind,
  use: (model: Model, checkpoint: Checkpoint) => Promise<T>,
): Promise<T> {
  const checkpoint = await openModel(spec);
  try {
    const backend = await createHostBackend(kind);
    try {
      const model = await Model.load(checkpoint, backend);
      try {
        return await use(model, checkpoint);
      } finally {
        await model.dispose();
      }
    } finally {
      await backend.close();
    }
  } finally {
    await checkpoint.close();
  }
}
