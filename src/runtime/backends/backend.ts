// What a device can do for the scheduler: hold tensors, move them, run graphs. Three implementations stand behind it
// (node, wasm, webgpu); nothing above this file knows which.

import type { InferenceSession, TensorConstructor, TensorFactory } from 'onnxruntime-common';
import type { StorageDtype } from '../../checkpoint/checkpoint.ts';
import type { Graph } from '../../onnx/graph.ts';

export type BackendKind = 'webgpu' | 'wasm' | 'node';

export type TensorData = Float32Array | Int32Array;

/** A tensor on the device. Whoever made it disposes it; it is counted until then. */
export interface DeviceTensor {
  /** `uint8` are weights as a checkpoint stores them, by bytes; `float16` weights that graphs read so. */
  readonly dtype: 'float32' | 'float16' | 'int32' | 'int64' | 'uint8';
  readonly shape: readonly number[];
}

/** A run of elements of one tensor. */
export interface Piece {
  readonly from: DeviceTensor;
  /** First element, in elements. */
  readonly start: number;
  /** Elements. */
  readonly count: number;
  /** Place of the first element in the result, in elements. */
  readonly at: number;
}

/** Weights that stay on the device as the checkpoint stores them, and become float32 there when they are used. */
export interface Packing {
  takes(dtype: StorageDtype): boolean;
  /** @param shape of the weight, which has whole blocks of its dtype */
  upload(dtype: StorageDtype, bytes: Uint8Array, shape: readonly number[]): DeviceTensor;
  /**
   * @param packed from `upload`
   * @returns a float32 tensor, with the bits that the processor expands, or these as float16
   */
  expand(packed: DeviceTensor, dtype?: 'float32' | 'float16'): DeviceTensor;
}

/** Graphs may have inputs in float16, and compute in it. */
export interface HalfPrecision {
  /** @param halves the bits of each number */
  upload(halves: Uint16Array, shape: readonly number[]): DeviceTensor;
}

/** A compiled graph. */
export interface Program {
  /** @returns one tensor for each output, owned by the caller */
  run(inputs: Readonly<Record<string, DeviceTensor>>): Promise<Readonly<Record<string, DeviceTensor>>>;
  dispose(): Promise<void>;
}

/** `batchBytes` of each kind of backend. */
export const batchBytesOf = { gpu: 128 * 2 ** 20, host: 256 * 2 ** 20 } as const;

export interface Backend {
  readonly kind: BackendKind;
  /** What a person calls the device: the adapter, or the number of threads. */
  readonly description: string;
  /** Tensors made and not yet disposed. */
  readonly liveTensors: number;
  /** Programs compiled and not yet released. */
  readonly livePrograms: number;
  /** Bytes of these tensors, weights included; what onnxruntime takes for itself while it runs a graph is not in it. */
  readonly liveBytes: number;
  /** The most that `liveBytes` has been. */
  readonly peakBytes: number;
  /** Tokens that one batch should hold at most, so that it is efficient and fits. */
  readonly batchTokens: number;
  /** Bytes that the largest intermediate of a batch may take. */
  readonly batchBytes: number;
  /**
   * Bytes that may wait to be read together: a GPU is waited for once for all that is read before anything else is awaited.
   * 0 where nothing is waited for.
   */
  readonly readTogetherBytes: number;
  /** Bytes that one tensor can have at most. */
  readonly largestTensorBytes: number;
  /** Bytes of weights that one graph can be given at most. */
  readonly largestPartBytes: number;
  /**
   * Whether a run copies all that its graph is given. Weights that are used again and again for little work are then
   * better constants of the graph.
   */
  readonly copiesInputs: boolean;
  /** Whether graphs run on the processor, so that they may have loops, and sizes that follow from numbers. */
  readonly runsDynamic: boolean;
  /** Present where a product with codes of 4 bits (onnx/blocks.ts) takes no longer than one with float32. */
  readonly multipliesBlocks?: true;
  /** Absent where tensors lie in the processor's own memory. */
  readonly packing?: Packing;
  /** Absent but on a GPU whose shaders compute in float16. */
  readonly half?: HalfPrecision;
  /** The size that a run-time dimension is padded to: few distinct ones where each costs a shader compilation. */
  paddedSize(size: number): number;
  upload(data: TensorData, shape: readonly number[]): DeviceTensor;
  /** Copy pieces of float32 tensors into a new one; what no piece covers is zero. */
  assemble(shape: readonly number[], pieces: readonly Piece[]): DeviceTensor;
  /** Copy pieces of float32 tensors into one that `upload` or `assemble` made. What no piece covers stays. */
  write(into: DeviceTensor, pieces: readonly Piece[]): void;
  /** int64 is read as int32: the values are places and counts. */
  read(tensor: DeviceTensor): Promise<TensorData>;
  dispose(tensor: DeviceTensor): void;
  compile(graph: Graph): Promise<Program>;
  /**
   * When the device has done all that was asked of it; only then is the memory free of what was disposed meanwhile. Absent
   * where nothing runs behind.
   * @throws what the device refused
   */
  caughtUp?(): Promise<void>;
  /** On WebGPU: the device, for graphs that the engine has not made. @internal */
  readonly gpu?: GpuAccess;
  /** Release the device. Programs and tensors are gone with it. */
  close(): Promise<void>;
}

/** What a GPU's backend lends to those who run graphs of their own on its device. @internal */
export interface GpuAccess {
  readonly tensorOf: TensorConstructor & TensorFactory;
  /** Whether shaders compute in float16. */
  readonly hasHalf: boolean;
  /**
   * A session all of whose nodes have kernels of the GPU, with outputs in memory.
   * @param isOnce no time is spent on optimising it
   * @throws onnxruntime's own error where one has none
   */
  session(model: Uint8Array, isOnce: boolean): Promise<InferenceSession>;
  /** Do something with sessions while nobody else does. @throws what the device refused meanwhile */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** @throws BackendError for more than a buffer of this device holds */
  upload(bytes: Uint8Array): GPUBuffer;
  free(buffer: GPUBuffer): void;
}

/** The GPU device was lost (a driver reset, a sleeping laptop). Make a new backend; nothing on the old one survives. */
export class DeviceLostError extends Error {
  override readonly name = 'DeviceLostError';
}

/** The device or the runtime refused. The message carries its words. */
export class BackendError extends Error {
  override readonly name: string = 'BackendError';
}

/** The device has no room for what was asked of it. What is on it is not to be trusted: open another, and ask for less. */
export class OutOfMemoryError extends BackendError {
  override readonly name = 'OutOfMemoryError';
  /** Where weights were to wait, when they had no room. */
  readonly held: 'expanded' | 'packed' | 'streamed' | undefined;
  /** Whether the first layers were rehearsed beside them. */
  readonly isRehearsed: boolean;

  constructor(
    message: string,
    held?: OutOfMemoryError['held'],
    { isRehearsed = false, ...options }: ErrorOptions & { readonly isRehearsed?: boolean } = {},
  ) {
    super(message, options);
    this.held = held;
    this.isRehearsed = isRehearsed;
  }
}

/** For `.catch`: what onnxruntime threw, in a sentence with a way on. Its own words stay in the cause as well. */
export function runtimeError(what: string): (cause: unknown) => never {
  return (cause) => {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new BackendError(
      `The runtime could not ${what} (${words}). If memory ran out, choose a smaller model or a shorter prompt.`,
      { cause },
    );
  };
}

/** Numbers in a tensor of this shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
