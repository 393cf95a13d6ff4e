// The small constants that onnxruntime gives to each dispatch. It writes each into a buffer of its own, and writes that buffer
// anew once it believes the dispatch to be on its way; a dispatch that waits for others would then read what a later one
// was given. So what is written is kept here, each dispatch binds a place of its own in a common buffer, and all places
// that a submission reads are written together before it.

import { BackendError } from './backend.ts';
import type { GpuStream } from './gpuStream.ts';

/** Larger ones are left as they are. */
const largestBytes = 4096;
const chunkBytes = 2 ** 16;

/** What a buffer of onnxruntime's would hold. */
interface Content {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Times that it was written. */
  version: number;
}

/** A common buffer, and what is to be in it. */
interface Chunk {
  readonly buffer: GPUBuffer;
  readonly bytes: Uint8Array<ArrayBuffer>;
  used: number;
  /** Of `used`. */
  written: number;
  /** Times that it was filled from its beginning. */
  round: number;
  /** Places of it that were bound for dispatches that nobody has recorded yet: while those wait for their shaders. */
  readonly bound: Set<UniformPlace>;
  /** Dispatches that were recorded and are not in the stream yet. */
  open: number;
}

/** Where the constants of one dispatch lie. */
export interface UniformPlace {
  readonly binding: { readonly buffer: GPUBuffer; readonly offset: number; readonly size: number };
  readonly chunk: Chunk;
  readonly round: number;
  readonly content: Content;
  readonly version: number;
}

export class GpuUniforms {
  readonly #stream: GpuStream;
  readonly #contents = new WeakMap<GPUBuffer, Content>();
  readonly #chunks: Chunk[] = [];
  #current: Chunk | undefined;

  constructor(stream: GpuStream) {
    this.#stream = stream;
    stream.watch({ before: () => this.#send(), after: () => this.#free() });
  }

  /** Keep what is written to the buffer, where it is one that holds nothing but constants. */
  adopt(buffer: GPUBuffer): void {
    const isUniform = buffer.usage === (GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
    if (!isUniform || buffer.size > largestBytes) return;
    this.#contents.set(buffer, { bytes: new Uint8Array(buffer.size), version: 0 });
  }

  holds(buffer: GPUBuffer): boolean {
    return this.#contents.has(buffer);
  }

  write(buffer: GPUBuffer, at: number, bytes: Uint8Array): void {
    const content = this.#contentOf(buffer);
    content.bytes.set(bytes, at);
    content.version += 1;
  }

  #contentOf(buffer: GPUBuffer): Content {
    const content = this.#contents.get(buffer);
    if (!content) throw new BackendError('This buffer of constants is not kept. Choose WASM.');
    return content;
  }

  /** A place that holds what the buffer would hold now, for a dispatch that comes before it is written again. */
  place(buffer: GPUBuffer): UniformPlace {
    const content = this.#contentOf(buffer);
    const size = content.bytes.byteLength;
    const chunk = this.#roomFor(size);
    const offset = chunk.used;
    chunk.bytes.set(content.bytes, offset);
    const step = this.#stream.device.limits.minUniformBufferOffsetAlignment;
    chunk.used += Math.ceil(size / step) * step;
    const binding = { buffer: chunk.buffer, offset, size };
    const place = { binding, chunk, round: chunk.round, content, version: content.version };
    chunk.bound.add(place);
    return place;
  }

  /** A dispatch that binds the place was recorded. @throws BackendError where it would read something else */
  open(place: UniformPlace): void {
    const { chunk, round, content, version } = place;
    if (chunk.round !== round || content.version !== version)
      throw new BackendError(
        'The runtime changed the constants of a dispatch that it had bound. Choose WASM.',
      );
    chunk.bound.delete(place);
    chunk.open += 1;
  }

  /** The dispatch is in the stream. */
  close({ chunk }: UniformPlace): void {
    chunk.open -= 1;
  }

  #roomFor(size: number): Chunk {
    const current = this.#current;
    if (current && current.used + size <= chunkBytes) return current;
    this.#current = this.#chunks.find((chunk) => chunk.used === 0) ?? this.#made();
    return this.#current;
  }

  #made(): Chunk {
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    const buffer = this.#stream.device.createBuffer({ size: chunkBytes, usage });
    const chunk = {
      buffer,
      bytes: new Uint8Array(chunkBytes),
      used: 0,
      written: 0,
      round: 0,
      bound: new Set<UniformPlace>(),
      open: 0,
    };
    this.#chunks.push(chunk);
    return chunk;
  }

  /** What was placed since the last submission goes before the next. */
  #send(): void {
    for (const chunk of this.#chunks) {
      const { buffer, bytes, written, used } = chunk;
      if (used === written) continue;
      this.#stream.device.queue.writeBuffer(buffer, written, bytes, written, used - written);
      chunk.written = used;
    }
  }

  /** All that was placed has been read, or will be before anything is written. */
  #free(): void {
    for (const chunk of this.#chunks) {
      // Of a run that failed: what was written since is another's.
      for (const place of chunk.bound) if (place.content.version !== place.version) chunk.bound.delete(place);
      if (chunk.bound.size > 0 || chunk.open > 0 || chunk.used === 0) continue;
      chunk.used = 0;
      chunk.written = 0;
      chunk.round += 1;
    }
  }
}
