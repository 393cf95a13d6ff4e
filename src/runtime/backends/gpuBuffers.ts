// The buffers of one GPU device that are ours: made once and used again, filled, copied and read with as few commands and
// submissions as can be. Copies wait for each other, and leave together before something else is asked of the device.

/** Smaller buffers than this are refused by ORT. */
const smallestBuffer = 16;
/** Larger buffers are made and destroyed: they are weights. */
const largestPooled = 16 * 2 ** 20;
/** Bytes of buffers that nobody uses. */
const mostIdleBytes = 64 * 2 ** 20;

/** A buffer of so many bytes as ORT takes them. */
export const bufferBytes = (bytes: number): number => Math.max(smallestBuffer, Math.ceil(bytes / 16) * 16);

/** A range of one buffer that is copied into another, in bytes. */
export interface GpuPiece {
  readonly from: GPUBuffer;
  readonly start: number;
  readonly count: number;
  readonly at: number;
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
  readonly #device: GPUDevice;
  readonly #idle = new Idle();
  readonly #staging = new Idle();
  /** Copies that were asked for and have not left. */
  #encoder: GPUCommandEncoder | undefined;
  /** Buffers that were given back since: a copy that has not left may read them. */
  #resting: GPUBuffer[] = [];
  /** Those that may be used again: made since the GPU last refused something. */
  #trusted = new WeakSet<GPUBuffer>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** A buffer for tensors. What is in it is whatever was in it. */
  take(bytes: number): GPUBuffer {
    const size = bufferBytes(bytes);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    return this.#idle.take(size) ?? this.#made({ size, usage });
  }

  #made(asked: GPUBufferDescriptor): GPUBuffer {
    const buffer = this.#device.createBuffer(asked);
    this.#trusted.add(buffer);
    return buffer;
  }

  /** The GPU has refused something, perhaps to make a buffer, which looks like any other: none of these is used again. */
  distrust(): void {
    this.flush();
    this.#trusted = new WeakSet();
    this.#idle.close();
    this.#staging.close();
  }

  /** A buffer that holds these numbers. */
  holding(data: Float32Array | Int32Array | Uint8Array): GPUBuffer {
    if (data.byteLength > largestPooled) return this.#mapped(data);
    const buffer = this.take(data.byteLength);
    // Whole words are written, of memory that is not shared.
    const bytes = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.#device.queue.writeBuffer(buffer, 0, bytes);
    return buffer;
  }

  /** Weights: written in place, without a second copy on their way. */
  #mapped(data: Float32Array | Int32Array | Uint8Array): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const size = bufferBytes(data.byteLength);
    const buffer = this.#made({ size, usage, mappedAtCreation: true });
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    new Uint8Array(buffer.getMappedRange()).set(bytes);
    buffer.unmap();
    return buffer;
  }

  get #commands(): GPUCommandEncoder {
    this.#encoder ??= this.#device.createCommandEncoder();
    return this.#encoder;
  }

  copy(into: GPUBuffer, pieces: readonly GpuPiece[]): void {
    for (const { from, start, count, at } of pieces)
      this.#commands.copyBufferToBuffer(from, start, into, at, count);
  }

  clear(buffer: GPUBuffer, ranges: readonly { readonly at: number; readonly count: number }[]): void {
    for (const { at, count } of ranges) this.#commands.clearBuffer(buffer, at, count);
  }

  /** Have something else done among the copies. */
  record(commands: (encoder: GPUCommandEncoder) => void): void {
    commands(this.#commands);
  }

  /** Send the copies on their way: whatever is asked of the device next comes after them. */
  flush(): void {
    if (this.#encoder) this.#device.queue.submit([this.#encoder.finish()]);
    this.#encoder = undefined;
    for (const buffer of this.#resting.splice(0)) this.give(buffer);
  }

  /** Nobody uses it any longer. */
  give(buffer: GPUBuffer): void {
    // A large one is not used again, and must not wait for the next copies to be gone.
    if (buffer.size > largestPooled) this.flush();
    if (this.#encoder) this.#resting.push(buffer);
    else if (this.#trusted.has(buffer)) this.#idle.give(buffer);
    else buffer.destroy();
  }

  async read(buffer: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    const size = bufferBytes(bytes);
    const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
    const staging = this.#staging.take(size) ?? this.#made({ size, usage });
    try {
      this.#commands.copyBufferToBuffer(buffer, 0, staging, 0, bytes);
      this.flush();
      await staging.mapAsync(GPUMapMode.READ);
      const data = staging.getMappedRange().slice(0, bytes);
      staging.unmap();
      if (this.#trusted.has(staging)) this.#staging.give(staging);
      else staging.destroy();
      return data;
    } catch (error) {
      staging.destroy();
      throw error;
    }
  }

  /** Bytes that nobody uses go; buffers that somebody uses are theirs. */
  close(): void {
    this.#encoder = undefined;
    for (const buffer of this.#resting.splice(0)) buffer.destroy();
    this.#idle.close();
    this.#staging.close();
  }
}
