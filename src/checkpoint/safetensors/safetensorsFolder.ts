// A folder as Hugging Face lays it out: config.json, tokenizer.json, and the weights in model.safetensors or in the shards
// that model.safetensors.index.json names.
import * as v from 'valibot';
import { listed, quoted } from '../../messages/wording.ts';
import { folderGenerationFiles, folderPreprocessor } from '../chat/generationFiles.ts';
import { type Checkpoint, CheckpointError, type ModelConfiguration, type TensorInfo } from '../checkpoint.ts';
import { fingerprintOf } from '../fingerprint.ts';
import { requireOpen, unknownTensor } from '../refusals.ts';
import { type ByteSource, type FileFolder, readJson } from '../sources/byteSource.ts';
import { folderTokenizer } from '../tokenizer/tokenizerFiles.ts';
import { type PlacedTensor, readSafetensorsHeader, unsupportedDtype } from './safetensors.ts';
import { applyScales, scaledWeights, withoutFloat8 } from './scaledWeights.ts';

const indexName = 'model.safetensors.index.json';
const singleName = 'model.safetensors';

/** A folder that holds either of these holds weights in safetensors. */
export const weightFiles: readonly string[] = [singleName, indexName];

const indexSchema = v.object({ weight_map: v.record(v.string(), v.string()) });
const configurationSchema = v.record(v.string(), v.unknown());

/** A tensor, the shard that holds it and its place there. */
interface StoredTensor extends PlacedTensor {
  readonly source: ByteSource;
}

/**
 * Open a checkpoint of safetensors files. Headers are read now, tensors when they are asked for.
 * @throws CheckpointError when a file is missing or damaged, or the index and the shards disagree
 */
export async function openSafetensors(folder: FileFolder, signal?: AbortSignal): Promise<Checkpoint> {
  const config = await readConfiguration(folder, signal);
  const sources: ByteSource[] = [];
  try {
    const tensors = new Map<string, StoredTensor>();
    const unsupported = new Map<string, string>();
    const single = await folder.open(singleName, signal);
    const shards = single ? undefined : await readIndex(folder, signal);
    if (single) sources.push(single);
    for (const name of shards ? new Set(shards.values()) : []) {
      const source = await folder.open(name, signal);
      if (!source) {
        throw new CheckpointError(
          `${quoted(name)} is missing in ${folder.label}, and ${indexName} names it. Add the file; all shards are needed.`,
        );
      }
      sources.push(source);
    }
    for (const source of sources) {
      const header = await readSafetensorsHeader(source, signal);
      for (const [name, placed] of header.tensors) {
        if (tensors.has(name)) throw heldTwice(name, folder.label);
        tensors.set(name, { ...placed, source });
      }
      for (const [name, dtype] of header.unsupported) unsupported.set(name, dtype);
    }
    if (shards) requireIndexed(shards, tensors, unsupported, folder.label);
    return safetensorsCheckpoint(folder, config, tensors, unsupported, sources);
  } catch (cause) {
    await Promise.all(sources.map((source) => source.close()));
    throw cause;
  }
}

async function readConfiguration(folder: FileFolder, signal?: AbortSignal): Promise<ModelConfiguration> {
  const config = await readJson(folder, 'config.json', signal);
  if (config === undefined) {
    throw new CheckpointError(
      `'config.json' is missing in ${folder.label}. Choose the folder of a model as Hugging Face saves it, or a .gguf file.`,
    );
  }
  const parsed = v.safeParse(configurationSchema, config);
  if (!parsed.success || Array.isArray(config)) {
    throw new CheckpointError(`'config.json' in ${folder.label} is not a JSON object. Fetch the file again.`);
  }
  return parsed.output;
}

/** Tensor name to shard, as the index has it. */
async function readIndex(folder: FileFolder, signal?: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const index = await readJson(folder, indexName, signal);
  if (index === undefined) {
    const names = (await folder.list(signal)) ?? [];
    const shards = names.filter((name) => /-\d+-of-\d+\.safetensors$/.test(name));
    if (shards.length > 0) {
      throw new CheckpointError(
        `${folder.label} holds shards (${listed(shards, 3)}) and no ${indexName}, which says what is in which. ` +
          'Add the index from where the shards come from.',
      );
    }
    const older = names.filter((name) => /\.(bin|pt|pth|ckpt|h5|msgpack)$/.test(name));
    throw new CheckpointError(
      `${folder.label} has neither ${singleName} nor ${indexName}. ` +
        (older.length > 0
          ? `It holds ${listed(older, 3)}, which is not read because such files can run code; convert it to safetensors.`
          : 'Choose a folder with the weights in safetensors, or a .gguf file.'),
    );
  }
  const parsed = v.safeParse(indexSchema, index);
  if (!parsed.success) {
    throw new CheckpointError(
      `${indexName} in ${folder.label} has no weight_map of tensor names to file names. Fetch the file again.`,
    );
  }
  const shards = new Map(Object.entries(parsed.output.weight_map));
  for (const shard of shards.values()) {
    // A shard lies beside its index. Anything else in the name could lead out of the folder.
    if (!/^[\w][\w.-]*\.safetensors$/.test(shard)) {
      throw new CheckpointError(
        `${indexName} in ${folder.label} names the shard ${quoted(shard)}; a plain name that ends in .safetensors is ` +
          'expected. The index may be damaged; fetch it again.',
      );
    }
  }
  return shards;
}

function heldTwice(name: string, label: string): CheckpointError {
  return new CheckpointError(
    `Tensor ${quoted(name)} stands in two shards of ${label}. The shards belong to different saves; fetch them all again.`,
  );
}

/** Index and shards have to agree: a tensor that only one of them knows shows that files of two saves are mixed. */
function requireIndexed(
  shards: ReadonlyMap<string, string>,
  tensors: ReadonlyMap<string, StoredTensor>,
  unsupported: ReadonlyMap<string, string>,
  label: string,
): void {
  for (const [name, shard] of shards) {
    const held = tensors.get(name);
    if (!held && !unsupported.has(name)) {
      throw new CheckpointError(
        `Tensor ${quoted(name)} is not in ${quoted(shard)}, where ${indexName} of ${label} has it. ` +
          'Index and shards belong to different saves; fetch them all again.',
      );
    }
  }
}

function safetensorsCheckpoint(
  folder: FileFolder,
  config: ModelConfiguration,
  tensors: ReadonlyMap<string, StoredTensor>,
  unsupported: ReadonlyMap<string, string>,
  sources: readonly ByteSource[],
): Checkpoint {
  const held = new Map<string, TensorInfo>([...tensors].map(([name, stored]) => [name, stored.info]));
  const scaled = scaledWeights(held, config, folder.label);
  const infos = new Map<string, TensorInfo>(
    [...held]
      .filter(([name]) => !scaled.besides.has(name))
      .map(([name, info]) => [name, scaled.tensors.get(name)?.info ?? info]),
  );
  const unquantised = withoutFloat8(config, held, scaled);
  const notices = unquantised
    ? [
        `The weights of ${folder.label} are stored in 8-bit floats. They are read with their scales and computed with in float32; ` +
          'activations are not rounded to 8 bits, as some programs do.',
      ]
    : [];
  let isOpen = true;
  const stored = async (name: string, signal?: AbortSignal): Promise<Uint8Array | undefined> => {
    const found = tensors.get(name);
    return found?.source.read(found.offset, found.info.sizeBytes, signal);
  };
  return {
    label: folder.label,
    config: unquantised ?? config,
    tensors: infos,
    ...(unsupported.size > 0 ? { unreadable: unsupported } : {}),
    ...(notices.length > 0 ? { notices } : {}),
    async read(name, signal) {
      requireOpen(isOpen, folder.label);
      const bytes = infos.has(name) ? await stored(name, signal) : undefined;
      const scale = scaled.tensors.get(name);
      const factors = bytes && scale ? await stored(scale.scale.name, signal) : undefined;
      if (bytes) return scale && factors ? applyScales(scale, bytes, factors) : bytes;
      const dtype = unsupported.get(name);
      throw dtype === undefined
        ? unknownTensor(name, folder.label, infos.keys())
        : unsupportedDtype(name, dtype, folder.label);
    },
    async fingerprint(signal) {
      requireOpen(isOpen, folder.label);
      const files = sources.map((source) => ({
        source,
        spans: [...tensors.values()]
          .filter((tensor) => tensor.source === source)
          .map(({ info, offset }) => ({ name: info.name, offset, length: info.sizeBytes })),
      }));
      return fingerprintOf(config, files, signal);
    },
    async tokenizer(signal) {
      requireOpen(isOpen, folder.label);
      return folderTokenizer(folder, config, signal);
    },
    async generationFiles(signal) {
      requireOpen(isOpen, folder.label);
      return folderGenerationFiles(folder, signal);
    },
    async preprocessor(signal) {
      requireOpen(isOpen, folder.label);
      return folderPreprocessor(folder, signal);
    },
    async close() {
      isOpen = false;
      await Promise.all(sources.map((source) => source.close()));
    },
  };
}
