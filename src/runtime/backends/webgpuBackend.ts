// onnxruntime-web on WebGPU, on a device of our own, so that tensors stay on the GPU from layer to layer and our copies
// and ORT's kernels share one queue.

import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { encodeModel } from '../../onnx/codec.ts';
import type { Graph } from '../../onnx/graph.ts';
import {
  type Backend,
  BackendError,
  DeviceLostError,
  type DeviceTensor,
  elementCount,
  type Piece,
  type Program,
  runtimeError,
  type TensorData,
} from './backend.ts';
import { LiveTensors } from './liveTensors.ts';
import { Turns } from './turns.ts';

interface GpuTensor extends DeviceTensor {
  readonly tensor: Tensor;
  /** Present when we made the buffer; ORT's own outputs return to its pool instead. */
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
  /** Called when the device is closed. */
  readonly onClose?: () => void;
}

/** What is asked of an adapter: all that it has, or what every one has that WebGPU allows. */
export type WebGpuLimits = 'all' | 'smallest';

/** Limits that more is made of where an adapter has more. */
const askedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/** Smaller buffers than this are refused by ORT. */
const smallestBuffer = 16;
const bufferBytes = (elements: number): number =>
  Math.max(smallestBuffer, Math.ceil((elements * 4) / 16) * 16);

export async function createWebGpuBackend({
  adapter,
  wasmPaths,
  limits: asked = 'all',
  onClose,
}: WebGpuBackendOptions): Promise<Backend> {
  const ort = await import('onnxruntime-web/webgpu');
  if (wasmPaths) ort.env.wasm.wasmPaths = wasmPaths;
  // The GPU does the work; a second WASM thread would only cost memory.
  ort.env.wasm.numThreads = 1;
  const { limits, info } = adapter;
  const device = await adapter.requestDevice({
    requiredFeatures: (['shader-f16', 'subgroups'] as const).filter((feature) =>
      adapter.features.has(feature),
    ) as GPUFeatureName[],
    requiredLimits:
      asked === 'all' ? Object.fromEntries(askedLimits.map((name) => [name, limits[name]])) : {},
  });
  const description = info.description || info.device || info.vendor || 'unnamed adapter';
  return new WebGpuBackend(ort, device, description, onClose);
}

type Ort = typeof import('onnxruntime-web/webgpu');

class WebGpuBackend implements Backend {
  readonly kind = 'webgpu';
  readonly description: string;
  readonly batchTokens = 2048;
  readonly batchBytes = 128 * 2 ** 20;
  readonly largestPartBytes = Number.POSITIVE_INFINITY;
  readonly copiesInputs = false;
  readonly #ort: Ort;
  readonly #device: GPUDevice;
  readonly #live = new LiveTensors();
  readonly #sessions = new Set<LiveSession>();
  #lost: string | undefined;
  #closed = false;
  /** The first error of the GPU that nothing was waiting for. */
  #fault: string | undefined;
  /** ORT shares one command encoder: a second create, run or release before the first resolves hangs the page. */
  readonly #turns = new Turns();

  readonly #onClose: (() => void) | undefined;

  constructor(ort: Ort, device: GPUDevice, description: string, onClose: (() => void) | undefined) {
    this.#ort = ort;
    this.#device = device;
    this.#onClose = onClose;
    this.description = description;
    // Without this, a buffer that could not be made reads as zeros, and the zeros would be shown as results.
    device.addEventListener('uncapturederror', ({ error }) => {
      // The rest of it is the call stack of the GPU's own interface.
      this.#fault ??= error.message.split('\n', 1)[0];
    });
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

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.take(() => this.#checked(work));
  }

  async #checked<T>(work: () => Promise<T>): Promise<T> {
    try {
      this.#expectDevice();
      const result = await work();
      this.#expectNoFault();
      return result;
    } catch (error) {
      // A lost device makes ORT fail in words of its own; give the event a moment to say so.
      await Promise.race([this.#device.lost, new Promise((resolve) => setTimeout(resolve, 0))]);
      this.#expectDevice();
      throw error;
    }
  }

  /** Errors of the GPU arrive on their own; whatever was computed meanwhile is not to be trusted. */
  #expectNoFault(): void {
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault === undefined) return;
    throw new BackendError(
      `The GPU refused a part of the work (${fault}), so its numbers are not shown. Choose a smaller model, or WASM (in the page by ?backend=wasm).`,
    );
  }

  #expectDevice(): void {
    if (this.#lost !== undefined)
      throw new DeviceLostError(`The GPU device was lost (${this.#lost}). Load the model again to go on.`);
  }

  #own(tensor: Tensor, { buffer, session }: Pick<GpuTensor, 'buffer' | 'session'> = {}): GpuTensor {
    const dtype = tensor.type;
    if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'int64') {
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

  #ownBuffer(buffer: GPUBuffer, shape: readonly number[]): DeviceTensor {
    return this.#own(this.#ort.Tensor.fromGpuBuffer(buffer, { dataType: 'float32', dims: [...shape] }), {
      buffer,
    });
  }

  #createBuffer(elements: number, mapped: boolean): GPUBuffer {
    this.#expectDevice();
    const size = bufferBytes(elements);
    if (size > this.#device.limits.maxBufferSize) {
      throw new BackendError(
        `A tensor of ${size} bytes is larger than this GPU's largest buffer (${this.#device.limits.maxBufferSize} bytes). Choose a smaller model or the WASM backend.`,
      );
    }
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    return this.#device.createBuffer({ size, usage, mappedAtCreation: mapped });
  }

  upload(data: TensorData, shape: readonly number[]): DeviceTensor {
    if (elementCount(shape) !== data.length) {
      throw new BackendError(`${data.length} elements do not fill shape [${shape.join(', ')}].`);
    }
    // Indices are small and used once: ORT uploads them with the run.
    if (data instanceof Int32Array) return this.#own(new this.#ort.Tensor('int32', data, shape));
    const buffer = this.#createBuffer(data.length, true);
    new Float32Array(buffer.getMappedRange()).set(data);
    buffer.unmap();
    return this.#ownBuffer(buffer, shape);
  }

  #bufferOf(tensor: DeviceTensor): GPUBuffer {
    const { tensor: inner, buffer } = this.#gpuTensor(tensor);
    return buffer ?? (inner.gpuBuffer as GPUBuffer); // ORT types its buffers loosely.
  }

  assemble(shape: readonly number[], pieces: readonly Piece[]): DeviceTensor {
    const buffer = this.#createBuffer(elementCount(shape), false);
    this.#copy(buffer, pieces);
    return this.#ownBuffer(buffer, shape);
  }

  write(into: DeviceTensor, pieces: readonly Piece[]): void {
    this.#copy(this.#bufferOf(into), pieces);
  }

  #copy(buffer: GPUBuffer, pieces: readonly Piece[]): void {
    const encoder = this.#device.createCommandEncoder();
    for (const { from, start, count, at } of pieces) {
      encoder.copyBufferToBuffer(this.#bufferOf(from), start * 4, buffer, at * 4, count * 4);
    }
    this.#device.queue.submit([encoder.finish()]);
  }

  async read(tensor: DeviceTensor): Promise<TensorData> {
    const { tensor: inner, buffer, shape } = this.#gpuTensor(tensor);
    if (buffer) return this.#exclusively(() => this.#readBuffer(buffer, elementCount(shape)));
    const data = await this.#exclusively(() => inner.getData());
    if (data instanceof Float32Array || data instanceof Int32Array) return data;
    if (data instanceof BigInt64Array) return Int32Array.from(data, Number);
    throw new BackendError(`A tensor of dtype ${tensor.dtype} cannot be read.`);
  }

  async #readBuffer(buffer: GPUBuffer, elements: number): Promise<Float32Array> {
    const size = bufferBytes(elements);
    const staging = this.#device.createBuffer({
      size,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
    try {
      const encoder = this.#device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, size);
      this.#device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      return new Float32Array(staging.getMappedRange().slice(0, elements * 4));
    } finally {
      staging.destroy();
    }
  }

  dispose(tensor: DeviceTensor): void {
    if (!this.#live.delete(tensor)) return;
    const { tensor: inner, buffer, session } = tensor as GpuTensor; // It was a member of #live.
    if (buffer) buffer.destroy();
    else if (this.#lost === undefined) inner.dispose();
    if (!session) return;
    session.outputs--;
    // Nobody waits for it here, so that it fails is nobody's error.
    if (!session.isWanted && session.outputs === 0) void this.#release(session).catch(() => undefined);
  }

  /** Release a session that has no outputs left. */
  async #release(live: LiveSession): Promise<void> {
    if (!this.#sessions.delete(live)) return;
    await this.#turns.take(async () => {
      if (this.#lost === undefined) await live.session.release();
    });
  }

  async compile(graph: Graph): Promise<Program> {
    const session = await this.#exclusively(() =>
      this.#ort.InferenceSession.create(encodeModel(graph), {
        executionProviders: [{ name: 'webgpu', device: this.#device }],
        preferredOutputLocation: Object.fromEntries(
          [...graph.outputs.keys()].map((name) => [name, 'gpu-buffer' as const]),
        ),
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        // A node without a WebGPU kernel would fetch its tensors to the CPU and say nothing.
        extra: { session: { disable_cpu_ep_fallback: '1' } },
      }),
    );
    const live: LiveSession = { session, outputs: 0, isWanted: true };
    this.#sessions.add(live);
    return {
      run: (inputs) => this.#exclusively(() => this.#run(live, graph, inputs)),
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
    await this.#turns.take(async () => undefined);
    for (const tensor of [...this.#live]) this.dispose(tensor);
    await Promise.all([...this.#sessions].map((live) => this.#release(live)));
    this.#device.destroy();
    this.#onClose?.();
  }
}
