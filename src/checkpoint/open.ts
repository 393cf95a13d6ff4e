// The openers that work in a page and on Node alike: chosen files, a server, the Hub. What a disk adds is in openNode.ts.

import { listed, quoted } from '../messages/wording.ts';
import type { CachedLoad } from './cache/cachedLoad.ts';
import { hubPlace } from './cache/hubPlace.ts';
import { type Checkpoint, CheckpointError } from './checkpoint.ts';
import { openGguf } from './gguf/gguf.ts';
import { openSafetensors, weightFiles } from './safetensors/safetensorsFolder.ts';
import { filesFolder } from './sources/blob.ts';
import type { FileFolder, OpenOptions } from './sources/byteSource.ts';
import { httpFolder, openHttpFile } from './sources/http.ts';
import { type HubRepository, hubFolder } from './sources/hub.ts';

/** What the openers of servers accept besides. */
export interface ServerOptions extends OpenOptions {
  /** Keeps what is fetched, and answers with what is kept; without it every byte comes from the server. */
  readonly cache?: CachedLoad;
}

/** Where on the Hub, and how. */
export interface HubOptions extends HubRepository, ServerOptions {
  /** A .gguf file of the repository; without it, its safetensors, or its only .gguf file. */
  readonly file?: string;
}

/**
 * Open files that a person chose or dropped: those of a model's folder, or one .gguf file.
 * @throws CheckpointError when they are no model, or one that is damaged
 */
export async function openFiles(files: readonly File[], options: OpenOptions = {}): Promise<Checkpoint> {
  if (files.length === 0) {
    throw new CheckpointError('No file was chosen. Choose the folder of a model, or a .gguf file.');
  }
  return openModelFolder(filesFolder(files, options.onBytes), undefined, options.signal);
}

/**
 * Open the folder of a model, or a .gguf file, on a server that answers range requests. What is served beside the page
 * is not kept: the browser does that by itself.
 * @param url   of the folder or file; relative to the page where there is one
 * @param label what to call it; by default the last part of the address
 * @throws CheckpointError when there is no model, or the server cannot be read
 */
export async function openUrl(url: string, label?: string, options: ServerOptions = {}): Promise<Checkpoint> {
  const base = 'location' in globalThis ? globalThis.location.href : undefined;
  if (!URL.canParse(url, base)) {
    throw new CheckpointError(
      `${quoted(url)} is not an address. Give one that begins with https:// or http://.`,
    );
  }
  const address = new URL(url, base);
  const name = label ?? (address.pathname.split('/').filter(Boolean).at(-1) || address.host);
  const { signal } = options;
  const isOwn = base !== undefined && address.origin === new URL(base).origin;
  const cache = isOwn ? undefined : options.cache;
  const httpOptions = { ...options, prefersWhole: isOwn };
  const place = {
    label: address.host + address.pathname,
    address: address.href,
    source: null,
    isPinned: false,
  };
  const kept = (folder: FileFolder) => cache?.folder(folder, place) ?? folder;
  if (!address.pathname.endsWith('.gguf')) {
    return openSafetensors(kept(httpFolder(address.href, name, httpOptions)), signal);
  }
  const only: FileFolder = {
    label: name,
    list: async () => undefined,
    open: () => openHttpFile(address.href, name, httpOptions, signal),
  };
  const source = await kept(only).open(name, signal);
  if (!source)
    throw new CheckpointError(`${quoted(name)} does not exist on ${address.host}. Check the address.`);
  return openGguf(source, signal);
}

/**
 * Open a model of the Hugging Face Hub at a revision.
 * @throws CheckpointError when the repository does not exist, needs a token or holds no model that can be read
 */
export async function openHub(options: HubOptions): Promise<Checkpoint> {
  const { cache, file } = options;
  const folder = hubFolder(options, options);
  const kept = cache ? cache.folder(folder, await hubPlace(options, file)) : folder;
  return openModelFolder(kept, file, options.signal);
}

/**
 * Open what a folder that can be listed holds: the file that is named, or safetensors, or the only .gguf file.
 * @throws CheckpointError when there is nothing, or a choice has to be made
 */
export async function openModelFolder(
  folder: FileFolder,
  file?: string,
  signal?: AbortSignal,
): Promise<Checkpoint> {
  if (file === undefined && (await holdsSafetensors(folder, signal))) return openSafetensors(folder, signal);
  const packed = ((await folder.list(signal)) ?? []).filter((name) => name.endsWith('.gguf'));
  const chosen = file ?? packed[0];
  // Nothing that can be read: opening it as safetensors says what is missing.
  if (chosen === undefined) return openSafetensors(folder, signal);
  if (file === undefined && packed.length > 1) {
    throw new CheckpointError(
      `${folder.label} holds ${packed.length} .gguf files. Name one: ${listed(packed)}.`,
    );
  }
  const source = await folder.open(chosen, signal);
  if (!source) {
    throw new CheckpointError(
      `${quoted(chosen)} does not exist in ${folder.label}. ` +
        (packed.length > 0 ? `Its .gguf files: ${listed(packed)}.` : 'It holds no .gguf file.'),
    );
  }
  return openGguf(source, signal);
}

async function holdsSafetensors(folder: FileFolder, signal?: AbortSignal): Promise<boolean> {
  for (const name of weightFiles) {
    const source = await folder.open(name, signal);
    await source?.close();
    if (source) return true;
  }
  return false;
}
