// An ONNX file that was chosen, dropped or named from the Hub, as a model of the engine. Its stages run on the GPU where there is one
// and it has all their operators, the others on WebAssembly, which knows every operator; the formulas of edits and what is read
// of logits run on the device.

import type { CachedLoad } from '../checkpoint/cache/cachedLoad.ts';
import { hubPlace } from '../checkpoint/cache/hubPlace.ts';
import { type Checkpoint, CheckpointError, type Tokenizer } from '../checkpoint/checkpoint.ts';
import { blobSource } from '../checkpoint/sources/blob.ts';
import type { FileFolder } from '../checkpoint/sources/byteSource.ts';
import { hubFolder } from '../checkpoint/sources/hub.ts';
import { aroundFile, readBeside } from '../imported/besideFile.ts';
import { createBrowserRuntime } from '../imported/browserRuntime.ts';
import { type ImportedStructure, structureOf } from '../imported/describe.ts';
import { GpuRuntime } from '../imported/gpuRuntime.ts';
import { onnxCheckpoint, openOnnxOf } from '../imported/onnxFolder.ts';
import { openedModelOf } from '../imported/openedModels.ts';
import { engineModel } from '../imported/tensorModel.ts';
import { quoted } from '../messages/wording.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import type { Model } from '../runtime/model.ts';
import { threadCount } from './device.ts';
import type { OnnxSource } from './onnxFiles.ts';
import type { CallOptions } from './protocol.ts';

/**
 * Files by their own names, wherever they lay: a tokenizer may lie above the folder of the model, and weights below it. What is
 * there twice is refused when it is asked for.
 */
function byName(label: string, files: readonly File[]): FileFolder {
  return {
    label,
    list: async () => files.map(({ name }) => name),
    async open(path) {
      const name = path.slice(path.lastIndexOf('/') + 1);
      const [file, ...others] = files.filter((each) => each.name === name);
      if (others.length > 0)
        throw new CheckpointError(
          `${others.length + 1} of the files are called ${quoted(name)}, and which of them belongs to ${quoted(label)} cannot be told. Choose one of them, with the rest.`,
        );
      return file && blobSource(name, file);
    },
  };
}

interface Place {
  readonly label: string;
  readonly folder: FileFolder;
  /** The file's path in the folder. */
  readonly name: string;
}

async function placeOf(
  source: OnnxSource,
  onBytes: (bytes: number) => void,
  cache: CachedLoad | undefined,
): Promise<Place> {
  if (source.kind === 'files') {
    const { name, files } = source;
    return { label: name, folder: byName(name, files), name };
  }
  const { kind, file, ...repository } = source;
  const folder = hubFolder(repository, { onBytes });
  const kept = cache ? cache.folder(folder, await hubPlace(repository, file)) : folder;
  return { label: `${repository.repository}@${repository.revision}:${file}`, folder: kept, name: file };
}

/** What reads prompts where there is nothing to read them with. @param why a sentence */
function noTokenizer(why: string): Tokenizer {
  const refuse = (): never => {
    throw new CheckpointError(why);
  };
  return {
    vocabularySize: 0,
    encode: refuse,
    places: refuse,
    decode: refuse,
    tokenText: (id) => `#${id}`,
    isSpecial: () => false,
  };
}

/** The tokenizer that lies with the file; of a model that reads no prompts there need not be one. */
async function tokenizerFor(
  checkpoint: Checkpoint,
  noPrompts: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Tokenizer> {
  try {
    return await checkpoint.tokenizer(signal);
  } catch (error) {
    if (noPrompts === undefined || !(error instanceof CheckpointError)) throw error;
    return noTokenizer(error.message);
  }
}

export interface Imported {
  readonly checkpoint: Checkpoint;
  readonly tokenizer: Tokenizer;
  readonly model: Model;
  readonly notices: readonly string[];
  readonly structure: ImportedStructure;
}

export interface ImportOptions extends CallOptions {
  /** Of a source on the Hub: keeps what is fetched; without it nothing is kept. */
  readonly cache?: CachedLoad | undefined;
  readonly makeRoom: (bytes: number) => Promise<void>;
}

/**
 * @param backend the engine's device, for formulas; it stays open
 * @throws CheckpointError when the file cannot be opened, or reads prompts and lacks its tokenizer
 */
export async function openImported(
  source: OnnxSource,
  backend: Backend,
  { signal, onProgress, cache, makeRoom }: ImportOptions,
): Promise<Imported> {
  let [arrived, total] = [0, null as number | null];
  const tell = (bytes: number): void => {
    arrived += bytes;
    const done = total === null ? arrived : Math.min(arrived, total);
    onProgress?.({ stage: 'Reading weights', done, total, unit: 'bytes' });
  };
  const { label, folder, name } = await placeOf(source, tell, cache);
  const { companions } = aroundFile(folder, name);
  const runtime = await createBrowserRuntime(threadCount());
  try {
    const imported = await openOnnxOf(folder, name, runtime, {
      gpu: backend.gpu && new GpuRuntime(backend.gpu, backend.description),
      ...(signal ? { signal } : {}),
      makeRoom: async (bytes) => {
        total = bytes;
        await makeRoom(bytes);
      },
    });
    try {
      const checkpoint: Checkpoint = {
        ...onnxCheckpoint(label, companions),
        close: async () => {
          await imported.dispose();
          await runtime.close();
        },
      };
      const beside = await readBeside(companions, signal);
      const model = await engineModel(imported, backend, beside);
      const noPrompts = openedModelOf(model.architecture)?.noPrompts;
      const tokenizer = await tokenizerFor(checkpoint, noPrompts, signal);
      await cache?.finish(true);
      const structure = structureOf(imported, {
        ...(noPrompts === undefined ? {} : { noPrompts }),
        ...(beside.labels ? { labels: beside.labels } : {}),
      });
      return {
        checkpoint,
        tokenizer,
        model,
        notices: [...(cache?.notices ?? []), ...model.notices],
        structure,
      };
    } catch (error) {
      await imported.dispose();
      throw error;
    }
  } catch (error) {
    await runtime.close();
    throw error;
  }
}
