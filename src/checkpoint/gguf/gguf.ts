// A GGUF file as a checkpoint: the header read and checked, the metadata in the words of config.json, tensors under the
// names and in the row order of transformers, the tokenizer rebuilt.

import { listed, quoted } from '../../messages/wording.ts';
import { type Checkpoint, CheckpointError, type ModelConfiguration, type TensorInfo } from '../checkpoint.ts';
import { fingerprintOf } from '../fingerprint.ts';
import { requireOpen, unknownTensor } from '../refusals.ts';
import type { ByteSource } from '../sources/byteSource.ts';
import { elementCountOf, storedBytes } from '../storage/storage.ts';
import { familyOf } from './ggufFamilies.ts';
import { type GgufFamily, type GgufModel, refuseOtherEntries, same } from './ggufFamily.ts';
import { ggufGenerationFiles } from './ggufGeneration.ts';
import { type GgufHeader, type GgufTensor, readGgufHeader } from './ggufHeader.ts';
import { GgufMetadata } from './ggufMetadata.ts';
import { readRopeScaling, ropeFactorNames } from './ggufRope.ts';
import { layoutFits, type RowLayout, restoredForm, restoreRows } from './ggufRows.ts';
import { ggufTokenizer } from './ggufTokenizer.ts';

interface NamedTensor {
  readonly info: TensorInfo;
  /** Of a tensor that is cut, the piece. */
  readonly stored: GgufTensor;
  readonly layout: RowLayout;
}

/**
 * Open a GGUF file. The checkpoint owns the source and closes it, also when opening fails.
 * @throws CheckpointError when the file is damaged, or holds a family, type or option that is not supported
 */
export async function openGguf(source: ByteSource, signal?: AbortSignal): Promise<Checkpoint> {
  try {
    const header = await readGgufHeader(source, signal);
    refuseSplit(source.label, header);
    const metadata = new GgufMetadata(source.label, header);
    const family = familyOf(metadata);
    const model: GgufModel = { metadata, header };
    const config = await readConfiguration(source, model, family, signal);
    refuseOtherEntries(model, family);
    return ggufCheckpoint(source, metadata, config, nameTensors(model, family));
  } catch (cause) {
    await source.close();
    throw cause;
  }
}

/** A model cut into several files has the rest of its tensors elsewhere. */
function refuseSplit(label: string, { metadata }: GgufHeader): void {
  const parts = metadata.get('split.count');
  // Of a later part this is all that the header says: it names no architecture.
  if (typeof parts !== 'number' || parts <= 1) return;
  const part = metadata.get('split.no');
  const which = typeof part === 'number' ? `part ${part + 1} of ${parts}` : `one of ${parts} parts`;
  throw new CheckpointError(
    `${quoted(label)} is ${which} of a model. Join the parts first: llama-gguf-split --merge FIRST-PART.gguf OUT.gguf, of llama.cpp.`,
  );
}

async function readConfiguration(
  source: ByteSource,
  model: GgufModel,
  family: GgufFamily,
  signal?: AbortSignal,
): Promise<ModelConfiguration> {
  const { metadata } = model;
  const config = family.configuration(model);
  const theta = config.rope_theta ?? config.rotary_emb_base;
  const scaling =
    typeof theta === 'number' ? { rope_scaling: await readRopeScaling(source, model, theta, signal) } : {};
  return {
    ...config,
    ...scaling,
    bos_token_id: metadata.optionalId('tokenizer.ggml.bos_token_id') ?? null,
    eos_token_id: metadata.optionalId('tokenizer.ggml.eos_token_id') ?? null,
  };
}

/** A tensor that the family does not have keeps its own name, so that whoever builds the model can refuse it by name. */
function nameTensors(model: GgufModel, family: GgufFamily): ReadonlyMap<string, NamedTensor> {
  const { metadata, header } = model;
  const tensors = new Map<string, NamedTensor>();
  for (const stored of header.tensors.values()) {
    if (ropeFactorNames.has(stored.name)) continue;
    const { names, layout, reshape } = family.rename(stored.name, model) ?? {
      names: [stored.name],
      layout: same,
    };
    for (const [at, name] of names.entries()) {
      if (tensors.has(name)) {
        throw new CheckpointError(
          `${quoted(metadata.label)} has two tensors for ${quoted(name)}. Convert the model anew.`,
        );
      }
      const piece = names.length > 1 ? pieceOf(metadata, stored, at, names.length) : stored;
      if (!layoutFits(layout, piece.shape, piece.dtype)) {
        throw new CheckpointError(
          `Tensor ${quoted(stored.name)} in ${quoted(metadata.label)} has type ${stored.dtype} and shape ` +
            `[${listed(stored.shape.map(String))}], whose rows cannot be put in order for the heads that the metadata names. ` +
            'The file is damaged; convert the model anew.',
        );
      }
      const restored = restoredForm(layout, piece.shape, piece.dtype);
      const { dtype } = restored;
      const shape = reshape?.(restored.shape) ?? restored.shape;
      const sizeBytes = storedBytes(dtype, elementCountOf(shape) ?? 0);
      tensors.set(name, { info: { name, dtype, shape, sizeBytes }, stored: piece, layout });
    }
  }
  return tensors;
}

/** One of `count` equal pieces of a tensor, cut along its first axis. */
function pieceOf({ label }: GgufMetadata, stored: GgufTensor, at: number, count: number): GgufTensor {
  const [first = 0, ...shape] = stored.shape;
  if (first !== count) {
    throw new CheckpointError(
      `Tensor ${quoted(stored.name)} in ${quoted(label)} has shape [${listed(stored.shape.map(String))}], and the metadata wants ${count} first. ` +
        'The file is damaged; convert the model anew.',
    );
  }
  const sizeBytes = stored.sizeBytes / count;
  return { ...stored, shape, sizeBytes, offset: stored.offset + at * sizeBytes };
}

function ggufCheckpoint(
  source: ByteSource,
  metadata: GgufMetadata,
  config: ModelConfiguration,
  tensors: ReadonlyMap<string, NamedTensor>,
): Checkpoint {
  const infos = new Map<string, TensorInfo>([...tensors].map(([name, tensor]) => [name, tensor.info]));
  let isOpen = true;
  return {
    label: source.label,
    config,
    tensors: infos,
    async read(name, signal) {
      requireOpen(isOpen, source.label);
      const tensor = tensors.get(name);
      if (!tensor) throw unknownTensor(name, source.label, infos.keys());
      const { stored, layout } = tensor;
      const bytes = await source.read(stored.offset, stored.sizeBytes, signal);
      return restoreRows(layout, bytes, stored.shape, stored.dtype);
    },
    async fingerprint(signal) {
      requireOpen(isOpen, source.label);
      const spans = [...tensors.values()].map(({ info, stored }) => ({
        name: info.name,
        offset: stored.offset,
        length: stored.sizeBytes,
      }));
      return fingerprintOf(config, [{ source, spans }], signal);
    },
    async tokenizer(signal) {
      requireOpen(isOpen, source.label);
      signal?.throwIfAborted();
      return ggufTokenizer(metadata);
    },
    async generationFiles() {
      return ggufGenerationFiles(metadata);
    },
    async close() {
      isOpen = false;
      await source.close();
    },
  };
}
