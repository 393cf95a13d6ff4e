// Pieces of a file on the GPU: onnxruntime-web on the device of the engine's own backend. Weights lie there once for all
// pieces; what goes in and comes out of a piece lies in memory.

import type { Tensor as OrtTensor } from 'onnxruntime-common';
import { reasonOf } from '../messages/wording.ts';
import {
  BackendError,
  DeviceLostError,
  type GpuAccess,
  OutOfMemoryError,
} from '../runtime/backends/backend.ts';
import { fromRuntime, type NamedTensors, type OnnxRuntime, type OnnxSession, toRuntime } from './runtime.ts';
import { bytesOf, type Tensor } from './tensor.ts';

/** A weight on the device. */
interface Uploaded {
  readonly tensor: OrtTensor;
  readonly buffer: GPUBuffer;
  /** Sessions that it is given to. */
  users: number;
}

/** Whether onnxruntime would run a node on the processor. */
const hasNoKernel = (cause: unknown): boolean => /fallback to CPU EP has been/.test(reasonOf(cause));

/** Whether nothing on the device is of use any more. */
const isUseless = (cause: unknown): boolean =>
  cause instanceof DeviceLostError || cause instanceof OutOfMemoryError;

/** For `.catch`: a lost device, or one that is full, is told as such, so that whoever can opens another. */
const refused =
  (what: string) =>
  (cause: unknown): never => {
    if (isUseless(cause)) throw cause;
    const words = hasNoKernel(cause)
      ? 'a node has no kernel, alone or in what is made of it'
      : reasonOf(cause);
    throw new BackendError(`${what}: ${words}`, { cause });
  };

export class GpuRuntime implements OnnxRuntime {
  readonly kind = 'webgpu';
  readonly mostWeightBytes = Number.POSITIVE_INFINITY;
  readonly description: string;
  /** Whether float16 can be computed with. */
  readonly hasHalf: boolean;
  readonly #gpu: GpuAccess;
  readonly #uploaded = new Map<Tensor, Uploaded>();
  readonly #open = new Set<() => Promise<void>>();

  constructor(gpu: GpuAccess, description: string) {
    this.#gpu = gpu;
    this.description = description;
    this.hasHalf = gpu.hasHalf;
  }

  get liveSessions(): number {
    return this.#open.size;
  }

  /** Weights on the device. */
  get liveWeights(): number {
    return this.#uploaded.size;
  }

  #take(weight: Tensor): Uploaded {
    const known = this.#uploaded.get(weight) ?? this.#upload(weight);
    known.users += 1;
    this.#uploaded.set(weight, known);
    return known;
  }

  #upload(weight: Tensor): Uploaded {
    const { dtype, shape } = weight;
    if (dtype !== 'float32' && dtype !== 'float16')
      throw new BackendError(`A weight of ${dtype} does not lie on the GPU.`);
    const buffer = this.#gpu.upload(bytesOf(weight));
    const tensor = this.#gpu.tensorOf.fromGpuBuffer(buffer, { dataType: dtype, dims: [...shape] });
    return { tensor, buffer, users: 0 };
  }

  #letGo(weight: Tensor): void {
    const known = this.#uploaded.get(weight);
    if (!known) return;
    known.users -= 1;
    if (known.users > 0) return;
    this.#uploaded.delete(weight);
    this.#gpu.free(known.buffer);
  }

  /** @throws BackendError when a node has no kernel, or a weight is larger than the GPU's largest buffer */
  async open(model: Uint8Array, isOnce = false, weights: NamedTensors = {}): Promise<OnnxSession> {
    const session = await this.#gpu.session(model, isOnce).catch(refused('WebGPU does not take this graph'));
    const taken: Tensor[] = [];
    const close = async (): Promise<void> => {
      if (!this.#open.delete(close)) return;
      for (const weight of taken) this.#letGo(weight);
      // Of a device that is lost nothing is left to release, and one that is full is closed next.
      await this.#gpu
        .exclusively(() => session.release())
        .catch((cause: unknown) => {
          if (!isUseless(cause)) throw cause;
        });
    };
    this.#open.add(close);
    const lying: Record<string, OrtTensor> = {};
    try {
      for (const [name, weight] of Object.entries(weights)) {
        lying[name] = this.#take(weight).tensor;
        taken.push(weight);
      }
    } catch (error) {
      await close();
      throw error;
    }
    return {
      run: async (inputs, outputs) => {
        const feeds = { ...lying };
        for (const [name, tensor] of Object.entries(inputs))
          feeds[name] = toRuntime(this.#gpu.tensorOf, tensor);
        const results = await this.#gpu
          .exclusively(() => session.run(feeds, outputs ?? session.outputNames, { logSeverityLevel: 4 }))
          .catch(refused('WebGPU does not run this graph'));
        return Object.fromEntries(
          Object.entries(results).map(([name, tensor]) => [name, fromRuntime(name, tensor)]),
        );
      },
      close,
    };
  }

  async close(): Promise<void> {
    for (const close of [...this.#open]) await close();
  }
}
