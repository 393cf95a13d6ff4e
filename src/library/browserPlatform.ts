// What the library stands on where it runs in a browser: the Hub, URLs and picked files; WebGPU on real hardware, else WASM.

import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { openFiles, openHub, openUrl } from '../checkpoint/open.ts';
import { isRepositoryName } from '../checkpoint/sources/hub.ts';
import { chooseDevice } from '../worker/device.ts';

export interface PlatformOptions {
  /** Default: on Node `node`; in a browser `webgpu` where the machine has a graphics adapter, else `wasm`. */
  readonly backend?: 'node' | 'wasm' | 'webgpu';
  /** On Node, for one operator; default 2. */
  readonly threads?: number;
  /** On Node with `webgpu`: the graphics adapter of this number (`patchbay devices`); default the first that is no software. */
  readonly device?: number;
}

function openSource(source: string | readonly File[]) {
  if (typeof source !== 'string') return openFiles(source);
  if (/^(https?:|\/|\.\/|\.\.\/)/.test(source)) {
    const url = new URL(source, globalThis.location.href).href;
    return openUrl(url, url.split('/').filter(Boolean).at(-1));
  }
  const [repository = '', revision] = source.split('@');
  if (!isRepositoryName(repository))
    throw new CheckpointError(
      `'${source}' is neither a Hub id (owner/name) nor a URL (https://..., /folder/, ./model.gguf).`,
    );
  return openHub({ repository, ...(revision === undefined ? {} : { revision }) });
}

export async function openPlatformModel(
  source: string | readonly File[],
  { backend, device: number }: PlatformOptions,
) {
  if (number !== undefined)
    throw new CheckpointError("'device' is for Node; a browser chooses its graphics adapter. Leave it out.");
  if (backend === 'node')
    throw new CheckpointError("A browser has no Node; choose the backend 'webgpu' or 'wasm'.");
  const device = await chooseDevice(backend ?? null);
  const checkpoint = await openSource(source);
  try {
    return { checkpoint, backend: await device.open() };
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}
