// What runs a piece of a file: onnxruntime, given the bytes of a model. The engine's own backends take graphs of a closed set
// of operators and hold float32; here whatever the runtime knows is run, in the types that the file has.

import type { InferenceSession, Tensor as OrtTensor, TensorConstructor } from 'onnxruntime-common';
import { reasonOf } from '../messages/wording.ts';
import { BackendError, type BackendKind } from '../runtime/backends/backend.ts';
import { type Onnxruntime, sharedCores } from '../runtime/backends/hostBackend.ts';
import { Turns } from '../runtime/backends/turns.ts';
import { bytesOf, type ElementArray, isElementType, type Tensor, tensorOfBytes } from './tensor.ts';

export type NamedTensors = Readonly<Record<string, Tensor>>;

/** A piece of a model, ready to run. */
export interface OnnxSession {
  /** @param outputs which to compute; default all. @throws BackendError with the runtime's words */
  run(inputs: NamedTensors, outputs?: readonly string[]): Promise<NamedTensors>;
  close(): Promise<void>;
}

export interface OnnxRuntime {
  readonly kind: BackendKind;
  readonly description: string;
  /** Of weights that one graph should be given at most: a run that copies them keeps the room it took. */
  readonly mostWeightBytes: number;
  /** Sessions opened and not yet closed. */
  readonly liveSessions: number;
  /**
   * @param isOnce  it will run once or twice: no time is spent on optimising it
   * @param weights inputs that are the same in all runs; they lie where the runtime computes, once for all sessions
   * @throws BackendError when the runtime refuses the model
   */
  open(model: Uint8Array, isOnce?: boolean, weights?: NamedTensors): Promise<OnnxSession>;
  close(): Promise<void>;
}

/** What onnxruntime computed, out of its hands. */
export function fromRuntime(name: string, tensor: OrtTensor): Tensor {
  const { type, dims, data } = tensor;
  if (!isElementType(type) || Array.isArray(data))
    throw new BackendError(`Tensor '${name}' holds ${type}; only numbers leave a model here.`);
  if (type === 'float16') {
    return tensorOfBytes(type, dims, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  // Not Float16Array, which is the one kind that ElementArray has not, and strings are out.
  return { dtype: type, shape: dims, data: data as ElementArray };
}

/** A tensor as onnxruntime takes it. */
export function toRuntime(Tensor: TensorConstructor, { dtype, shape, data }: Tensor): OrtTensor {
  // The constructor has an overload a type; the pair of type and array is right by construction of `Tensor`.
  return new Tensor(dtype as 'float32', data as Float32Array, shape);
}

export interface OrtRuntimeOptions {
  readonly kind: BackendKind;
  readonly description: string;
  readonly ort: Onnxruntime;
  /** Default as many as there are. */
  readonly mostWeightBytes?: number;
  readonly sessionOptions: InferenceSession.SessionOptions;
}

export class OrtRuntime implements OnnxRuntime {
  readonly kind: BackendKind;
  readonly description: string;
  readonly mostWeightBytes: number;
  readonly #ort: Onnxruntime;
  readonly #options: InferenceSession.SessionOptions;
  readonly #sessions = new Set<InferenceSession>();
  readonly #turns = new Turns();

  constructor({ kind, description, ort, mostWeightBytes, sessionOptions }: OrtRuntimeOptions) {
    this.kind = kind;
    this.description = description;
    this.mostWeightBytes = mostWeightBytes ?? Number.POSITIVE_INFINITY;
    this.#ort = ort;
    this.#options = sessionOptions;
  }

  get liveSessions(): number {
    return this.#sessions.size;
  }

  async open(model: Uint8Array, isOnce = false, weights: NamedTensors = {}): Promise<OnnxSession> {
    const options: InferenceSession.SessionOptions = {
      ...this.#options,
      graphOptimizationLevel: isOnce ? 'disabled' : 'all',
    };
    const session = await this.#turns
      .take(() => this.#ort.InferenceSession.create(model, options))
      .catch((cause: unknown): never => {
        throw new BackendError(`onnxruntime refuses this model: ${reasonOf(cause)}`, { cause });
      });
    this.#sessions.add(session);
    return {
      run: async (inputs, outputs) => {
        const feeds = Object.fromEntries(
          Object.entries({ ...weights, ...inputs }).map(([name, tensor]) => [
            name,
            toRuntime(this.#ort.Tensor, tensor),
          ]),
        );
        const results = await this.#turns
          .take(() => session.run(feeds, outputs ?? session.outputNames, quiet))
          .catch((cause: unknown): never => {
            throw new BackendError(`The model does not run: ${reasonOf(cause)}`, { cause });
          });
        return Object.fromEntries(
          Object.entries(results).map(([name, tensor]) => [name, fromRuntime(name, tensor)]),
        );
      },
      close: async () => {
        if (this.#sessions.delete(session)) await this.#turns.take(() => session.release());
      },
    };
  }

  async close(): Promise<void> {
    const sessions = [...this.#sessions];
    this.#sessions.clear();
    for (const session of sessions) await this.#turns.take(() => session.release());
  }
}

/** Whether two tensors hold the same bytes. */
export function sameTensor(a: Tensor, b: Tensor): boolean {
  if (a.dtype !== b.dtype || a.shape.length !== b.shape.length) return false;
  if (a.shape.some((size, axis) => size !== b.shape[axis])) return false;
  const [left, right] = [bytesOf(a), bytesOf(b)];
  return left.every((byte, index) => byte === right[index]);
}

/** Probing tries what may fail; what fails is thrown, with the runtime's words, and need not be printed as well. */
const quiet = { logSeverityLevel: 4 } as const;
export const hostSessionOptions = { ...quiet, extra: sharedCores } as const;

/** WebAssembly's memory takes what a graph is given beside where it lay, and does not shrink. */
export const wasmWeightBytes = 64 * 2 ** 20;
