// The numbers of a file's weights, read when they are first needed and then shared by all pieces of the model. A weight that
// lies in another file is read from that; which other files there must be is known, and checked, when the model is opened.

import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { fingerprintOf } from '../checkpoint/fingerprint.ts';
import type { ByteSource } from '../checkpoint/sources/byteSource.ts';
import { quoted } from '../messages/wording.ts';
import type { OnnxGraph, OnnxNode, Weight } from './onnxFile.ts';
import { type Tensor, tensorOfBytes } from './tensor.ts';

/** Opens a file that lies beside the model. @returns undefined when there is none of that name */
export type OpenPart = (name: string) => Promise<ByteSource | undefined>;

const gigabytes = (bytes: number): string =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;

/** All weights of a graph, those within subgraphs and attributes included. */
export function* weightsWithin(graph: OnnxGraph): Generator<readonly [string, Weight]> {
  yield* graph.weights;
  for (const node of graph.nodes) yield* weightsOfNode(node);
}

export function* weightsOfNode(node: OnnxNode): Generator<readonly [string, Weight]> {
  for (const { tensor, graphs } of node.attributes.values()) {
    if (tensor) yield [node.outputs[0] ?? node.name, tensor];
    for (const graph of graphs) yield* weightsWithin(graph);
  }
}

const pieceBytes = 4 * 2 ** 20;

/** A file in pieces, of each of which some is looked at. */
const pieces = (sizeBytes: number): readonly { name: string; offset: number; length: number }[] =>
  Array.from({ length: Math.ceil(sizeBytes / pieceBytes) }, (_, index) => ({
    name: String(index),
    offset: index * pieceBytes,
    length: Math.min(pieceBytes, sizeBytes - index * pieceBytes),
  }));

export class WeightStore {
  readonly #file: ByteSource;
  readonly #parts: ReadonlyMap<string, ByteSource>;
  readonly #loaded = new Map<Weight, Tensor>();

  private constructor(file: ByteSource, parts: ReadonlyMap<string, ByteSource>) {
    this.#file = file;
    this.#parts = parts;
  }

  /**
   * @throws CheckpointError when a file that the weights lie in is missing or too short
   */
  static async open(
    file: ByteSource,
    weights: Iterable<readonly [string, Weight]>,
    openPart: OpenPart,
  ): Promise<WeightStore> {
    const needed = new Map<string, { bytes: number; end: number; name: string }>();
    for (const [name, { place }] of weights) {
      if (place.kind === 'file' && place.offset + place.length > file.sizeBytes)
        throw new CheckpointError(`Weight ${quoted(name)} lies past the end of ${quoted(file.label)}.`);
      if (place.kind !== 'part') continue;
      const { part, offset, length } = place;
      const known = needed.get(part) ?? { bytes: 0, end: 0, name };
      known.bytes += length;
      if (offset + length > known.end) Object.assign(known, { end: offset + length, name });
      needed.set(part, known);
    }
    const parts = new Map<string, ByteSource>();
    try {
      for (const [part, { bytes, end, name }] of needed) {
        const source = await openPart(part);
        if (!source)
          throw new CheckpointError(
            `The weights are in ${quoted(part)} (${gigabytes(bytes)}), which is not here. Choose both files together.`,
          );
        parts.set(part, source);
        if (end > source.sizeBytes)
          throw new CheckpointError(
            `${quoted(name)} asks for bytes up to ${end} of ${quoted(part)}, which has ${source.sizeBytes}. The file is cut off; fetch it again.`,
          );
      }
    } catch (error) {
      for (const source of parts.values()) await source.close();
      throw error;
    }
    return new WeightStore(file, parts);
  }

  async load(weight: Weight): Promise<Tensor> {
    const known = this.#loaded.get(weight);
    if (known) return known;
    const tensor = tensorOfBytes(weight.dtype, weight.shape, await this.#read(weight));
    this.#loaded.set(weight, tensor);
    return tensor;
  }

  async #read({ place }: Weight): Promise<Uint8Array> {
    if (place.kind === 'memory') return place.bytes;
    const source = place.kind === 'file' ? this.#file : this.#parts.get(place.part);
    if (!source) throw new CheckpointError('A weight is read from a file that was not opened.');
    return new Uint8Array(await source.read(place.offset, place.length));
  }

  /** Of the file, the files beside it and what else is given, looked at in places where they are large. */
  fingerprint(about: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<string> {
    const files = [this.#file, ...this.#parts.values()].map((source) => ({
      source,
      spans: pieces(source.sizeBytes),
    }));
    return fingerprintOf(about, files, signal);
  }

  /** A weight that `load` has brought. */
  loaded(weight: Weight): Tensor {
    const tensor = this.#loaded.get(weight);
    if (!tensor) throw new CheckpointError('A weight is used before it was read.');
    return tensor;
  }

  /** Bytes of the file and of those beside it that hold its weights. */
  get fileBytes(): number {
    return [this.#file, ...this.#parts.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /** Bytes of the weights that are in memory. */
  get loadedBytes(): number {
    return [...this.#loaded.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  }

  /** Let go of all other weights; nothing reads them any more. */
  keepOnly(weights: ReadonlySet<Weight>): void {
    for (const weight of [...this.#loaded.keys()]) if (!weights.has(weight)) this.#loaded.delete(weight);
  }

  async close(): Promise<void> {
    this.#loaded.clear();
    for (const source of this.#parts.values()) await source.close();
    await this.#file.close();
  }
}
