// Opens a model on a backend that needs no browser, for the length of one command.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { openModel } from '../checkpoint/openNode.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { createWasmBackendOnNode } from '../runtime/backends/wasmBackend.ts';
import { Model } from '../runtime/model.ts';

export type HostBackendKind = 'node' | 'wasm';

export async function createHostBackend(kind: HostBackendKind): Promise<Backend> {
  return kind === 'node' ? createNodeBackend() : createWasmBackendOnNode(2);
}

/**
 * What `openModel` takes for the model that an experiment names: the folder of an embedded model, or the name as it
 * stands, with its revision.
 */
export function modelPath(name: string, revision?: string): string {
  if (existsSync(name)) return name;
  // One word is the name of a folder of models/; a Hub id has a slash.
  const embedded = /^\w[\w.-]*$/.test(name)
    ? fileURLToPath(new URL(`../../models/${name}`, import.meta.url))
    : '';
  if (existsSync(`${embedded}/config.json`)) return embedded;
  return revision === undefined || name.includes('@') ? name : `${name}@${revision}`;
}

/**
 * @param spec the name of an embedded model, a folder, a `.gguf` file or a Hub id
 * @throws CheckpointError or UnsupportedModelError when it cannot be opened
 */
export async function withModel<T>(
  spec: string,
  kind: HostBackendKind,
  use: (model: Model, checkpoint: Checkpoint) => Promise<T>,
): Promise<T> {
  const checkpoint = await openModel(modelPath(spec));
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
