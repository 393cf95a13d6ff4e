// onnxruntime-web on WebGPU, on a device of our own, so that tensors stay on the GPU from layer to layer and our copies
// and ORT's kernels leave in one order.

import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { encodeModel } from '../../onnx/codec.ts';
import type { Graph } from '../../onnx/graph.ts';
import {
  type Backend,
  BackendError,
  batchBytesOf,
  DeviceLostError,
  type DeviceTensor,
  elementCount,
  type GpuAccess,
  type HalfPrecision,
  type Packing,
  type Piece,
  type Program,
  runtimeError,
  type TensorData,
} from './backend.ts';
import { gpuAccess, onDevice } from './gpuAccess.ts';
import { bufferBytes, GpuBuffers, type GpuPiece } from './gpuBuffers.ts';
import { GpuFaults } from './gpuFaults.ts';
import { requestedDevice, type WebGpuLimits } from './gpuLimits.ts';
import { GpuPacking, halfPrecision, type WeightOwner } from './gpuPacking.ts';
import { GpuReads } from './gpuReads.ts';
import { GpuStream } from './gpuStream.ts';
import { GpuWatch, type WatchOptions } from './gpuWatch.ts';
import { LiveTensors, numbersOf, wholeWords } from './liveTensors.ts';
import { ortDevice } from './ortDevice.ts';
import { joinedPieces, uncovered } from './pieces.ts';
import { isSoftwareAdapter } from './softwareAdapters.ts';
import { Turns } from './turns.ts';

interface GpuTensor extends DeviceTensor {
  readonly tensor: Tensor;
  /** Present when we made the buffer; ORT's own outputs return to its pool, not to ours. */
  readonly buffer?: GPUBuffer;
  /** Whose output it is. */
  readonly session?: LiveSession;
}

/** A session, which must outlive its outputs: they cannot be disposed after it, though they may be after their program. */
interface LiveSession {
  readonly session: InferenceSession;
  outputs: number;
  isWanted: boolean;
}

export interface WebGpuBackendOptions {
  readonly adapter: GPUAdapter;
  /** Where the page serves onnxruntime's files. Never a CDN. */
  readonly wasmPaths?: { readonly wasm: string; readonly mjs: string };
  /** Default all that the adapter has. */
  readonly limits?: WebGpuLimits;
  /** Who is told that the GPU does not answer. */
  readonly watch?: WatchOptions | undefined;
  /** Called when the device is closed. */
  readonly onClose?: () => void;
}

export async function createWebGpuBackend({
  adapter,
  wasmPaths,
  limits: asked = 'all',
  watch,
  onClose,
}: WebGpuBackendOptions): Promise<Backend> {
  const ort = await import('onnxruntime-web/webgpu');
  if (wasmPaths) ort.env.wasm.wasmPaths = wasmPaths;
  // The GPU does the work; a second WASM thread would only cost memory.
  ort.env.wasm.numThreads = 1;
  const { info } = adapter;
  const device = await requestedDevice(adapter, asked);
  const description = info.description || info.device || info.vendor || 'unnamed adapter';
  const isSoftware = isSoftwareAdapter(description, info.device, info.vendor, info.architecture);
  const watching = new GpuWatch(watch, isSoftware, () => device.destroy());
  return new WebGpuBackend(ort, device, description, watching, onClose);
}

type Ort = typeof import('onnxruntime-web/webgpu');

/** Lets go of what work on a GPU gave, where it is not to be trusted. */
type Undo<T> = (result: T) => void | Promise<void>;

/**
 * ORT shares one command encoder, and one stack of its program: a second create, run or release before the first resolves hangs
 * the process, whichever backend of it asks.
 */
const turns = new Turns();

class WebGpuBackend implements Backend {
  readonly kind = 'webgpu';
  readonly description: string;
  readonly batchTokens = 2048;
  readonly batchBytes = batchBytesOf.gpu;
  readonly readTogetherBytes = 16 * 2 ** 20;
  readonly largestPartBytes = Number.POSITIVE_INFINITY;
  readonly copiesInputs = false;
  readonly runsDynamic = false;
  readonly #ort: Ort;
  readonly #device: GPUDevice;
  /** The same for ORT. */
  readonly #ortDevice: GPUDevice;
  readonly #buffers: GpuBuffers;
  readonly packing: Packing;
  readonly half?: HalfPrecision;
  readonly gpu: GpuAccess;
  readonly #live = new LiveTensors();
  readonly #sessions = new Set<LiveSession>();
  #lost: string | undefined;
  #closed = false;
  readonly #faults: GpuFaults;
  readonly #watch: GpuWatch;
  readonly #onClose: (() => void) | undefined;
  readonly #reads: GpuReads;

  constructor(
    ort: Ort,
    device: GPUDevice,
    description: string,
    watch: GpuWatch,
    onClose: (() => void) | undefined,
  ) {
    this.#watch = watch;
    this.#ort = ort;
    this.#device = device;
    const stream = new GpuStream(device);
    this.#ortDevice = ortDevice(stream);
    this.#buffers = new GpuBuffers(stream);
    this.#reads = new GpuReads((ranges) =>
      this.#exclusively('to finish what was asked and give a result', () => this.#buffers.read(ranges())),
    );
    const hasHalf = device.features.has('shader-f16');
    const owner: WeightOwner = {
      own: (buffer, dtype, shape) => this.#ownBuffer(buffer, dtype, shape),
      bufferOf: (tensor) => this.#bufferOf(tensor),
      expectRoom: (bytes) => this.#expectRoom(bytes),
    };
    this.packing = new GpuPacking(stream, this.#buffers, owner);
    if (hasHalf) this.half = halfPrecision(this.#buffers, owner);
    this.gpu = gpuAccess({
      ort,
      ortDevice: this.#ortDevice,
      hasHalf,
      buffers: this.#buffers,
      exclusively: (what, work, undo) => this.#exclusively(what, work, undo),
      expectRoom: (bytes) => this.#expectRoom(bytes),
    });
    this.#onClose = onClose;
    this.description = description;
    this.#faults = new GpuFaults(device);
    void device.lost.then((info) => {
      if (!this.#closed) this.#lost = info.message || info.reason || 'no reason given';
    });
  }

  get largestTensorBytes(): number {
    return this.#device.limits.maxBufferSize;
  }

  get liveTensors(): number {
    return this.#live.size;
  }

  get livePrograms(): number {
    return this.#sessions.size;
  }

  get liveBytes(): number {
    return this.#live.bytes;
  }

  get peakBytes(): number {
    return this.#live.peakBytes;
  }

  /** Powers of two up to 64, then multiples of 64: a new size may cost a shader compilation. */
  paddedSize(size: number): number {
    if (size > 64) return Math.ceil(size / 64) * 64;
    return 2 ** Math.ceil(Math.log2(Math.max(1, size)));
  }

  /** @param what the GPU is to do, for who hears that it does not answer */
  async #exclusively<T>(what: string, work: () => Promise<T>, undo?: Undo<T>): Promise<T> {
    return turns.take(() => this.#checked(what, work, undo));
  }

  async #checked<T>(what: string, work: () => Promise<T>, undo?: Undo<T>): Promise<T> {
    try {
      this.#expectDevice();
      this.#faults.expectRoom();
      const result = await this.#watch.watch(what, work());
      try {
        this.#expectNoFault();
      } catch (error) {
        await undo?.(result);
        throw error;
      }
      return result;
    } catch (error) {
      // A lost or a full device makes ORT fail in words of its own; give the event a moment to say so.
      await Promise.race([this.#device.lost, new Promise((resolve) => setTimeout(resolve, 0))]);
      this.#expectDevice();
      this.#faults.expectRoom();
      throw error;
    }
  }

  /** @throws what the GPU refused meanwhile */
  #expectNoFault(): void {
    try {
      this.#faults.expectNone();
    } catch (error) {
      this.#buffers.distrust();
      throw error;
    }
  }

  #expectDevice(): void {
    if (this.#lost !== undefined)
      throw new DeviceLostError(`The GPU device was lost (${this.#lost}). Load the model again to go on.`);
  }

  #own(tensor: Tensor, { buffer, session }: Pick<GpuTensor, 'buffer' | 'session'> = {}): GpuTensor {
    const dtype = tensor.type;
    const isOurs = buffer !== undefined && (dtype === 'uint8' || dtype === 'float16');
    if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'int64' && !isOurs) {
      throw new BackendError(`A tensor of dtype ${dtype} cannot leave a graph. Cast it to float32 or int32.`);
    }
    const owned: GpuTensor = {
      dtype,
      shape: tensor.dims,
      tensor,
      ...(buffer ? { buffer } : {}),
      ...(session ? { session } : {}),
    };
    if (session) session.outputs++;
    this.#live.add(owned);
    return owned;
  }

  #gpuTensor(tensor: DeviceTensor): GpuTensor {
    if (!this.#live.has(tensor))
      throw new BackendError('A tensor was used after it was disposed, or on another backend.');
    return tensor as GpuTensor; // Only #own makes members of #live.
  }

  #ownBuffer(buffer: GPUBuffer, dataType: DeviceTensor['dtype'], shape: readonly number[]): DeviceTensor {
    return this.#own(this.#ort.Tensor.fromGpuBuffer(buffer, { dataType, dims: [...shape] }), { buffer });
  }

  #expectRoom(bytes: number): void {
    this.#expectDevice();
    const { maxBufferSize } = this.#device.limits;
    if (bufferBytes(bytes) > maxBufferSize) {
      throw new BackendError(
        `A tensor of ${bytes} bytes is larger than this GPU's largest buffer (${maxBufferSize} bytes). Choose a smaller model or the WASM backend.`,
      );
    }
  }

  upload(data: TensorData, shape: readonly number[]): DeviceTensor {
    if (elementCount(shape) !== data.length) {
      throw new BackendError(`${data.length} elements do not fill shape [${shape.join(', ')}].`);
    }
    this.#expectRoom(data.byteLength);
    const dtype = data instanceof Int32Array ? 'int32' : 'float32';
    return this.#ownBuffer(this.#buffers.holding(data), dtype, shape);
  }

  #bufferOf(tensor: DeviceTensor): GPUBuffer {
    const { tensor: inner, buffer } = this.#gpuTensor(tensor);
    return buffer ?? (inner.gpuBuffer as GPUBuffer); // ORT types its buffers loosely.
  }

  assemble(shape: readonly number[], pieces: readonly Piece[]): DeviceTensor {
    const elements = elementCount(shape);
    this.#expectRoom(elements * 4);
    const copied = this.#copied(pieces);
    const buffer = this.#buffers.take(elements * 4);
    // It was somebody else's before.
    const gaps = uncovered(pieces, elements);
    this.#buffers.fill(
      buffer,
      copied,
      gaps.map(({ at, count }) => ({ at: at * 4, count: count * 4 })),
    );
    return this.#ownBuffer(buffer, 'float32', shape);
  }

  write(into: DeviceTensor, pieces: readonly Piece[]): void {
    this.#buffers.fill(this.#bufferOf(into), this.#copied(pieces));
  }

  #copied(pieces: readonly Piece[]): readonly GpuPiece[] {
    return joinedPieces(pieces).map(({ from, start, count, at }) => ({
      from: this.#bufferOf(from),
      start: start * 4,
      count: count * 4,
      at: at * 4,
    }));
  }

  async read(tensor: DeviceTensor): Promise<TensorData> {
    const { dtype, shape } = this.#gpuTensor(tensor);
    const elements = elementCount(shape);
    if (dtype === 'uint8') throw new BackendError('Packed weights are expanded, and not read.');
    // What is empty has no buffer.
    if (elements === 0) return numbersOf(new ArrayBuffer(0), dtype, 0);
    const data = await this.#reads.read({ buffer: this.#bufferOf(tensor), bytes: wholeWords(tensor) });
    return numbersOf(data, dtype, elements);
  }

  async caughtUp(): Promise<void> {
    this.#expectDevice();
    await this.#watch.watch('to catch up', Promise.race([this.#buffers.caughtUp(), this.#device.lost]));
    this.#expectDevice();
    this.#expectNoFault();
  }

  dispose(tensor: DeviceTensor): void {
    if (!this.#live.delete(tensor)) return;
    const { tensor: inner, buffer, session } = tensor as GpuTensor; // It was a member of #live.
    if (buffer) this.#buffers.give(buffer);
    else if (this.#lost === undefined) inner.dispose();
    if (!session) return;
    session.outputs--;
    // Nobody waits for it here, so that it fails is nobody's error.
    if (!session.isWanted && session.outputs === 0) void this.#release(session).catch(() => undefined);
  }

  /** Release a session that has no outputs left. */
  async #release(live: LiveSession): Promise<void> {
    if (!this.#sessions.delete(live)) return;
    await turns.take(async () => {
      if (this.#lost === undefined) await live.session.release();
    });
  }

  async compile(graph: Graph): Promise<Program> {
    const session = await this.#exclusively(
      'to prepare a graph',
      () =>
        this.#ort.InferenceSession.create(encodeModel(graph), {
          ...onDevice(this.#ortDevice),
          preferredOutputLocation: Object.fromEntries(
            [...graph.outputs.keys()].map((name) => [name, 'gpu-buffer' as const]),
          ),
          graphOptimizationLevel: 'all',
          logSeverityLevel: 3,
        }),
      (refused) => refused.release(),
    );
    const live: LiveSession = { session, outputs: 0, isWanted: true };
    this.#sessions.add(live);
    return {
      run: (inputs) =>
        this.#exclusively(
          'to run a graph',
          () => this.#run(live, graph, inputs),
          (refused) => {
            for (const tensor of Object.values(refused)) this.dispose(tensor);
          },
        ),
      dispose: async () => {
        live.isWanted = false;
        if (live.outputs === 0) await this.#release(live);
      },
    };
  }

  async #run(live: LiveSession, graph: Graph, inputs: Readonly<Record<string, DeviceTensor>>) {
    const feeds = Object.fromEntries(
      [...graph.inputs.keys()].map((name) => {
        const tensor = inputs[name];
        if (!tensor) throw new BackendError(`The graph needs an input '${name}', which was not given.`);
        return [name, this.#gpuTensor(tensor).tensor];
      }),
    );
    const outputs = await live.session.run(feeds).catch(runtimeError('run a graph'));
    return Object.fromEntries(
      Object.entries(outputs).map(([name, tensor]) => [name, this.#own(tensor, { session: live })]),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    await turns.take(async () => undefined);
    for (const tensor of [...this.#live]) this.dispose(tensor);
    await Promise.all([...this.#sessions].map((live) => this.#release(live)));
    this.#buffers.close();
    this.#device.destroy();
    this.#onClose?.();
  }
}
