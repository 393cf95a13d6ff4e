// The buffers of one GPU device that are ours: made once and used again, filled, copied and read with as few commands and
// submissions as can be.

import { noRoom } from './gpuFaults.ts';
import { GpuGather } from './gpuGather.ts';
import type { GpuStream } from './gpuStream.ts';

/** Smaller buffers than this are refused by ORT. */
const smallestBuffer = 16;
/** Larger buffers are made and destroyed: they are weights. */
const largestPooled = 16 * 2 ** 20;
/** Bytes that are read at once, where one tensor is not larger. */
const mostReadBytes = 32 * 2 ** 20;
/** Bytes of buffers that nobody uses. */
const mostIdleBytes = 64 * 2 ** 20;

/** A buffer of so many bytes as ORT takes them. */
export const bufferBytes = (bytes: number): number => Math.max(smallestBuffer, Math.ceil(bytes / 16) * 16);

type Bytes = Float32Array | Int32Array | Uint16Array | Uint8Array;

/** A range of one buffer that is copied into another, in bytes. */
export interface GpuPiece {
  readonly from: GPUBuffer;
  readonly start: number;
  readonly count: number;
  readonly at: number;
}

/** So many bytes from the beginning of a buffer on. */
export interface BufferRange {
  readonly buffer: GPUBuffer;
  readonly bytes: number;
}

/** Bytes of a buffer. */
export type GpuRange = Pick<GpuPiece, 'at' | 'count'>;

/** Whether no byte is copied to twice, so that it does not matter in which order. */
function areApart(ranges: readonly GpuRange[]): boolean {
  const sorted = [...ranges].sort((a, b) => a.at - b.at);
  return sorted.every(({ at }, index) => {
    const before = sorted[index - 1];
    return !before || before.at + before.count <= at;
  });
}

/** Buffers of one usage that wait to be used again, by their size. */
class Idle {
  readonly #bySize = new Map<number, GPUBuffer[]>();
  #bytes = 0;

  take(size: number): GPUBuffer | undefined {
    const found = this.#bySize.get(size)?.pop();
    if (found) this.#bytes -= size;
    return found;
  }

  give(buffer: GPUBuffer): void {
    const { size } = buffer;
    if (size > largestPooled || this.#bytes + size > mostIdleBytes) {
      buffer.destroy();
      return;
    }
    this.#bytes += size;
    const alike = this.#bySize.get(size);
    if (alike) alike.push(buffer);
    else this.#bySize.set(size, [buffer]);
  }

  close(): void {
    for (const alike of this.#bySize.values()) for (const buffer of alike) buffer.destroy();
    this.#bySize.clear();
    this.#bytes = 0;
  }
}

export class GpuBuffers {
  readonly #stream: GpuStream;
  readonly #gather: GpuGather;
  readonly #idle = new Idle();
  readonly #staging = new Idle();
  /** Given back, and used by commands that wait: free for commands that come after them. */
  #resting: GPUBuffer[] = [];
  #restingBytes = 0;
  /** Those that may be used again: made since the GPU last refused something. */
  #trusted = new WeakSet<GPUBuffer>();

  constructor(stream: GpuStream) {
    this.#stream = stream;
    this.#gather = new GpuGather(stream);
    stream.watch({ after: () => this.#rest() });
  }

  /** A buffer for a tensor that commands fill. What is in it is whatever was in it. */
  take(bytes: number): GPUBuffer {
    const size = bufferBytes(bytes);
    const at = this.#resting.findLastIndex((buffer) => buffer.size === size && this.#trusted.has(buffer));
    const [rested] = at < 0 ? [] : this.#resting.splice(at, 1);
    if (!rested) return this.#quiet(size);
    this.#restingBytes -= size;
    return rested;
  }

  /** One that no command waits for. */
  #quiet(size: number): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    return this.#idle.take(size) ?? this.#made({ size, usage });
  }

  #made(asked: GPUBufferDescriptor): GPUBuffer {
    const buffer = this.#stream.device.createBuffer(asked);
    this.#trusted.add(buffer);
    return buffer;
  }

  /** The GPU has refused something, perhaps to make a buffer, which looks like any other: none of these is used again. */
  distrust(): void {
    this.#stream.flush();
    this.#trusted = new WeakSet();
    this.#idle.close();
    this.#staging.close();
  }

  /** A buffer that holds these numbers. */
  holding(data: Bytes): GPUBuffer {
    if (data.byteLength > largestPooled) return this.#mapped(data);
    const buffer = this.#quiet(bufferBytes(data.byteLength));
    // Whole words are written, of memory that is not shared.
    const bytes = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.#stream.write(buffer, 0, bytes);
    return buffer;
  }

  /** Weights: written in place, without a second copy on their way. */
  #mapped(data: Bytes): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const size = bufferBytes(data.byteLength);
    const buffer = this.#madeMapped({ size, usage, mappedAtCreation: true });
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    new Uint8Array(buffer.getMappedRange()).set(bytes);
    buffer.unmap();
    return buffer;
  }

  /** One that is mapped at once and cannot be made is told of at once. */
  #madeMapped(asked: GPUBufferDescriptor): GPUBuffer {
    try {
      return this.#made(asked);
    } catch (error) {
      throw error instanceof RangeError ? noRoom(error.message.replace(/\.$/, '')) : error;
    }
  }

  /**
   * Copy pieces into a buffer.
   * @param gaps ranges that become zero
   */
  fill(into: GPUBuffer, pieces: readonly GpuPiece[], gaps: readonly GpuRange[] = []): void {
    const sources = [...new Set(pieces.map(({ from }) => from))];
    const isGathered =
      pieces.length + gaps.length > sources.length &&
      sources.length > 0 &&
      !sources.includes(into) &&
      areApart(pieces) &&
      this.#gather.takes(into, ...sources);
    if (!isGathered) {
      for (const { at, count } of gaps) this.#stream.push({ kind: 'clear', buffer: into, at, count });
      for (const { from, start, count, at } of pieces)
        this.#stream.push({ kind: 'copy', from, start, into, at, count });
      return;
    }
    sources.forEach((source, index) => {
      const own = pieces.filter(({ from }) => from === source);
      const table = this.#gather.copy(source, into, index === 0 ? [...own, ...gaps] : own, (data) =>
        this.holding(data),
      );
      this.give(table);
    });
    this.#stream.settle();
  }

  /** Nobody uses it any longer. */
  give(buffer: GPUBuffer): void {
    if (!this.#stream.waitsFor(buffer)) {
      this.#settle(buffer);
      return;
    }
    this.#resting.push(buffer);
    this.#restingBytes += buffer.size;
    // A large one is not used again, and must not wait for the next copies to be gone.
    if (buffer.size > largestPooled || this.#restingBytes > mostIdleBytes) this.#stream.flush();
  }

  #settle(buffer: GPUBuffer): void {
    if (this.#trusted.has(buffer)) this.#idle.give(buffer);
    else buffer.destroy();
  }

  /** No command waits any longer. */
  #rest(): void {
    for (const buffer of this.#resting.splice(0)) this.#settle(buffer);
    this.#restingBytes = 0;
  }

  /** What is in the beginning of each buffer. They are waited for together, as far as one buffer may hold them. */
  async read(ranges: readonly BufferRange[]): Promise<readonly ArrayBuffer[]> {
    const found: ArrayBuffer[] = [];
    let together: BufferRange[] = [];
    let size = 0;
    for (const range of ranges) {
      const own = bufferBytes(range.bytes);
      if (size + own > mostReadBytes && together.length > 0) {
        found.push(...(await this.#readTogether(together, size)));
        together = [];
        size = 0;
      }
      together.push(range);
      size += own;
    }
    found.push(...(await this.#readTogether(together, size)));
    return found;
  }

  async #readTogether(ranges: readonly BufferRange[], size: number): Promise<readonly ArrayBuffer[]> {
    const places: { readonly at: number; readonly bytes: number }[] = [];
    let next = 0;
    for (const { bytes } of ranges) {
      places.push({ at: next, bytes });
      next += bufferBytes(bytes);
    }
    // Of few sizes, so that it is found again.
    const held = size > largestPooled ? size : 2 ** Math.ceil(Math.log2(size));
    const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
    const staging = this.#staging.take(held) ?? this.#made({ size: held, usage });
    try {
      ranges.forEach(({ buffer, bytes }, index) => {
        const at = places[index]?.at ?? 0;
        this.#stream.push({ kind: 'copy', from: buffer, start: 0, into: staging, at, count: bytes });
      });
      this.#stream.flush();
      await staging.mapAsync(GPUMapMode.READ, 0, size);
      const mapped = staging.getMappedRange(0, size);
      const found = places.map(({ at, bytes }) => mapped.slice(at, at + bytes));
      staging.unmap();
      if (this.#trusted.has(staging)) this.#staging.give(staging);
      else staging.destroy();
      return found;
    } catch (error) {
      staging.destroy();
      throw error;
    }
  }

  /** When all that was asked of the device is done. */
  async caughtUp(): Promise<void> {
    this.#stream.flush();
    await this.#stream.device.queue.onSubmittedWorkDone();
  }

  /** Bytes that nobody uses go; buffers that somebody uses are theirs. */
  close(): void {
    this.#stream.drop();
    for (const buffer of this.#resting.splice(0)) buffer.destroy();
    this.#idle.close();
    this.#staging.close();
  }
}
