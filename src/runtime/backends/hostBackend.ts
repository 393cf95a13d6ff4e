// The node and wasm backends: tensors are arrays in JavaScript's memory, and onnxruntime reads them from there.

import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { encodeModel } from '../../onnx/codec.ts';
import type { Graph } from '../../onnx/graph.ts';
import {
  type Backend,
  BackendError,
  type BackendKind,
  batchBytesOf,
  type DeviceTensor,
  elementCount,
  type Piece,
  type Program,
  runtimeError,
  type TensorData,
} from './backend.ts';
import { LiveTensors } from './liveTensors.ts';
import { Turns } from './turns.ts';

/** The part of onnxruntime-node and onnxruntime-web that is used: they share it. */
export interface Onnxruntime {
  readonly InferenceSession: {
    create(model: Uint8Array, options?: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: typeof Tensor;
}

interface HostTensor extends DeviceTensor {
  readonly tensor: Tensor;
}

/**
 * Threads that wait for work give the core back. Every session has a pool of its own, and a sweep has dozens: spinning,
 * they take the cores from each other and from everything else (measured on two busy cores: five times slower).
 */
export const sharedCores = { session: { intra_op: { allow_spinning: '0' } } } as const;

export interface HostBackendOptions {
  readonly kind: BackendKind;
  readonly description: string;
  /** Bytes of weights that one graph can be given at most; default without limit. */
  readonly largestPartBytes?: number;
  /** See `Backend`. */
  readonly copiesInputs: boolean;
  /** See `Backend`. */
  readonly multipliesBlocks?: true;
  readonly ort: Onnxruntime;
  readonly sessionOptions: InferenceSession.SessionOptions;
  /** Awaited after each run of a graph; see `createBreather`. */
  readonly breathe?: () => Promise<void>;
}

export class HostBackend implements Backend {
  readonly kind: BackendKind;
  readonly description: string;
  readonly batchTokens = 1024;
  readonly batchBytes = batchBytesOf.host;
  readonly readTogetherBytes = 0;
  readonly largestTensorBytes = Number.POSITIVE_INFINITY;
  readonly largestPartBytes: number;
  readonly copiesInputs: boolean;
  readonly runsDynamic = true;
  readonly multipliesBlocks?: true;
  readonly #ort: Onnxruntime;
  readonly #sessionOptions: InferenceSession.SessionOptions;
  readonly #breathe: (() => Promise<void>) | undefined;
  readonly #live = new LiveTensors();
  readonly #sessions = new Set<InferenceSession>();
  readonly #turns = new Turns();

  constructor(options: HostBackendOptions) {
    this.kind = options.kind;
    this.description = options.description;
    this.largestPartBytes = options.largestPartBytes ?? Number.POSITIVE_INFINITY;
    this.copiesInputs = options.copiesInputs;
    if (options.multipliesBlocks) this.multipliesBlocks = true;
    this.#ort = options.ort;
    this.#sessionOptions = options.sessionOptions;
    this.#breathe = options.breathe;
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

  paddedSize(size: number): number {
    return size;
  }

  #own(tensor: Tensor): HostTensor {
    const dtype = tensor.type;
    if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'int64') {
      throw new BackendError(`A tensor of dtype ${dtype} cannot leave a graph. Cast it to float32 or int32.`);
    }
    const owned: HostTensor = { dtype, shape: tensor.dims, tensor };
    this.#live.add(owned);
    return owned;
  }

  #hostTensor(tensor: DeviceTensor): Tensor {
    if (!this.#live.has(tensor))
      throw new BackendError('A tensor was used after it was disposed, or on another backend.');
    return (tensor as HostTensor).tensor; // Only #own makes members of #live.
  }

  #floats(tensor: DeviceTensor): Float32Array {
    const { data } = this.#hostTensor(tensor);
    if (!(data instanceof Float32Array))
      throw new BackendError(`Expected a float32 tensor, got ${tensor.dtype}.`);
    return data;
  }

  upload(data: TensorData, shape: readonly number[]): DeviceTensor {
    if (elementCount(shape) !== data.length) {
      throw new BackendError(`${data.length} elements do not fill shape [${shape.join(', ')}].`);
    }
    const Tensor = this.#ort.Tensor;
    return this.#own(
      data instanceof Float32Array ? new Tensor('float32', data, shape) : new Tensor('int32', data, shape),
    );
  }

  assemble(shape: readonly number[], pieces: readonly Piece[]): DeviceTensor {
    const result = new Float32Array(elementCount(shape));
    for (const { from, start, count, at } of pieces) {
      result.set(this.#floats(from).subarray(start, start + count), at);
    }
    return this.upload(result, shape);
  }

  write(into: DeviceTensor, pieces: readonly Piece[]): void {
    const target = this.#floats(into);
    for (const { from, start, count, at } of pieces) {
      target.set(this.#floats(from).subarray(start, start + count), at);
    }
  }

  async read(tensor: DeviceTensor): Promise<TensorData> {
    const { data } = this.#hostTensor(tensor);
    if (data instanceof Float32Array || data instanceof Int32Array) return data;
    if (data instanceof BigInt64Array) return Int32Array.from(data, Number);
    throw new BackendError(`A tensor of dtype ${tensor.dtype} cannot be read.`);
  }

  dispose(tensor: DeviceTensor): void {
    this.#live.delete(tensor);
  }

  async compile(graph: Graph): Promise<Program> {
    const session = await this.#turns
      .take(() => this.#ort.InferenceSession.create(encodeModel(graph), this.#sessionOptions))
      .catch(runtimeError('take a graph'));
    this.#sessions.add(session);
    return {
      run: async (inputs) => {
        const feeds = Object.fromEntries(
          [...graph.inputs.keys()].map((name) => {
            const tensor = inputs[name];
            if (!tensor) throw new BackendError(`The graph needs an input '${name}', which was not given.`);
            return [name, this.#hostTensor(tensor)];
          }),
        );
        const outputs = await this.#turns.take(() => session.run(feeds)).catch(runtimeError('run a graph'));
        await this.#breathe?.();
        return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, this.#own(tensor)]));
      },
      dispose: async () => {
        if (this.#sessions.delete(session)) await this.#turns.take(() => session.release());
      },
    };
  }

  async close(): Promise<void> {
    this.#live.clear();
    const sessions = [...this.#sessions];
    this.#sessions.clear();
    for (const session of sessions) await this.#turns.take(() => session.release());
  }
}
