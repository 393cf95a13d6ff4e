// Opens a model on a backend that needs no browser, for the length of one command.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { openModel } from '../checkpoint/openNode.ts';
import { quoted } from '../messages/wording.ts';
import type { Backend, BackendKind } from '../runtime/backends/backend.ts';
import { choiceNote, graphicsDevices } from '../runtime/backends/dawn.ts';
import type { WatchOptions } from '../runtime/backends/gpuWatch.ts';
import { openNodeBackend } from '../runtime/backends/optionalNodeBackend.ts';
import { createWasmBackendOnNode } from '../runtime/backends/wasmBackendOnNode.ts';
import {
  createWebGpuBackendOnNode,
  type WebGpuOnNodeOptions,
} from '../runtime/backends/webgpuBackendOnNode.ts';
import { type LoadOptions, Model } from '../runtime/model.ts';
import type { Precision, WeightResidency } from '../runtime/weights/residency.ts';
import { UsageError } from './arguments.ts';
import { modelsFolder } from './installation.ts';
import { isOnnxFile, withEngineModel } from './onnxModel.ts';

export interface HostOptions
  extends Omit<WebGpuOnNodeOptions, 'watch'>,
    Pick<LoadOptions, 'room' | 'signal'> {
  /** How weights wait on the device; default as there is room. */
  readonly residency?: WeightResidency | undefined;
  /** Default float32. */
  readonly precision?: Precision | undefined;
  /** For one operator; default as many as the machine has cores, on WASM two. */
  readonly threads?: number | undefined;
}

/** A GPU that does not answer is said at the terminal, and waited for until who sits there stops it. */
const heardBy = (signal: AbortSignal | undefined): WatchOptions => ({
  onSilence: (sentence, stop) => {
    console.error(`Note: ${sentence} Ctrl-C stops.`);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  },
});

export async function createHostBackend(
  kind: BackendKind,
  { threads, device, limits, signal }: HostOptions = {},
): Promise<Backend> {
  if (kind === 'webgpu') {
    const note = device === undefined ? choiceNote(await graphicsDevices()) : undefined;
    if (note !== undefined) console.error(`Note: ${note}`);
    return createWebGpuBackendOnNode({ device, limits, watch: heardBy(signal) });
  }
  return kind === 'node' ? openNodeBackend(threads) : createWasmBackendOnNode(threads ?? 2);
}

/**
 * What `openModel` takes for the model that an experiment names: the folder of an embedded model, or the name as it
 * stands, with its revision.
 */
export function modelPath(name: string, revision?: string): string {
  if (existsSync(name)) return name;
  // One word is the name of an embedded model; a Hub id has a slash.
  const embedded = /^\w[\w.-]*$/.test(name) ? join(modelsFolder, name) : '';
  if (existsSync(join(embedded, 'config.json'))) return embedded;
  return revision === undefined || name.includes('@') ? name : `${name}@${revision}`;
}

/**
 * @param spec the name of an embedded model, a folder, a `.gguf` or `.onnx` file or a Hub id
 * @throws CheckpointError or UnsupportedModelError when it cannot be opened
 */
export async function withModel<T>(
  spec: string,
  kind: BackendKind,
  options: HostOptions,
  use: (model: Model, checkpoint: Checkpoint) => Promise<T>,
): Promise<T> {
  if (isOnnxFile(spec)) {
    if (options.residency !== undefined)
      throw new UsageError(
        `--weights is for checkpoints; the weights of an ONNX file lie as its operators read them. Leave it out for ${quoted(spec)}.`,
      );
    if (options.precision === 'float16')
      throw new UsageError(
        `--precision f16 is for checkpoints; an ONNX file is computed as its operators say. Leave it out for ${quoted(spec)}.`,
      );
    const backend = await createHostBackend(kind, options);
    try {
      return await withEngineModel(spec, kind, options, backend, async (model, checkpoint) => {
        for (const notice of model.notices) console.error(`Note: ${notice}`);
        return use(model, checkpoint);
      });
    } finally {
      await backend.close();
    }
  }
  const checkpoint = await openModel(modelPath(spec));
  try {
    const backend = await createHostBackend(kind, options);
    try {
      const { residency, room, precision } = options;
      const model = await Model.load(checkpoint, backend, {
        ...(residency ? { residency } : {}),
        ...(room ? { room } : {}),
        ...(precision ? { precision } : {}),
      });
      for (const notice of model.notices) console.error(`Note: ${notice}`);
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
