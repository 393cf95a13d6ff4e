// Weights that stay on a GPU as the checkpoint stores them. A sweep passes a layer with all its rows at once, so expanding
// the layer's weights for that moment costs little beside it, and a model takes a fraction of the memory.

import type { StorageDtype } from '../../checkpoint/checkpoint.ts';
import { BackendError, type DeviceTensor, elementCount, type Packing } from './backend.ts';
import type { GpuBuffers } from './gpuBuffers.ts';
import { GpuExpander } from './gpuExpand.ts';
import type { GpuStream } from './gpuStream.ts';
import { isPackedDtype, type PackedDtype } from './storedShaders.ts';

/** What the backend does for tensors. */
interface Owner {
  readonly own: (buffer: GPUBuffer, dtype: 'float32' | 'uint8', shape: readonly number[]) => DeviceTensor;
  readonly bufferOf: (tensor: DeviceTensor) => GPUBuffer;
}

interface Packed {
  readonly dtype: PackedDtype;
  readonly shape: readonly number[];
}

export class GpuPacking implements Packing {
  readonly #buffers: GpuBuffers;
  readonly #owner: Owner;
  readonly #expander: GpuExpander;
  readonly #packed = new WeakMap<DeviceTensor, Packed>();

  constructor(stream: GpuStream, buffers: GpuBuffers, owner: Owner) {
    this.#buffers = buffers;
    this.#owner = owner;
    this.#expander = new GpuExpander(stream);
  }

  takes(dtype: StorageDtype): boolean {
    return isPackedDtype(dtype);
  }

  upload(dtype: StorageDtype, bytes: Uint8Array, shape: readonly number[]): DeviceTensor {
    if (!isPackedDtype(dtype))
      throw new BackendError(`Weights of dtype ${dtype} cannot stay packed on a GPU. Expand them first.`);
    const tensor = this.#owner.own(this.#buffers.holding(bytes), 'uint8', [bytes.byteLength]);
    this.#packed.set(tensor, { dtype, shape });
    return tensor;
  }

  expand(packed: DeviceTensor): DeviceTensor {
    const known = this.#packed.get(packed);
    if (!known) throw new BackendError('Only packed weights can be expanded.');
    const { dtype, shape } = known;
    const elements = elementCount(shape);
    const stored = this.#owner.bufferOf(packed);
    const expanded = this.#buffers.take(elements * 4);
    this.#expander.expand(dtype, elements, { stored, expanded });
    return this.#owner.own(expanded, 'float32', shape);
  }
}
