// Weights that stay on a GPU as the checkpoint stores them. A sweep passes a layer with all its rows at once, so expanding
// the layer's weights for that moment costs little beside it, and a model takes a fraction of the memory.

import type { StorageDtype } from '../../checkpoint/checkpoint.ts';
import {
  BackendError,
  type DeviceTensor,
  elementCount,
  type HalfPrecision,
  type Packing,
} from './backend.ts';
import type { GpuBuffers } from './gpuBuffers.ts';
import { GpuExpander } from './gpuExpand.ts';
import type { GpuStream } from './gpuStream.ts';
import { isPackedDtype, type PackedDtype } from './storedShaders.ts';

/** What the backend does for tensors. */
export interface WeightOwner {
  readonly own: (buffer: GPUBuffer, dtype: DeviceTensor['dtype'], shape: readonly number[]) => DeviceTensor;
  readonly bufferOf: (tensor: DeviceTensor) => GPUBuffer;
  /** @throws BackendError for more than a buffer of this device holds */
  readonly expectRoom: (bytes: number) => void;
}

interface Packed {
  readonly dtype: PackedDtype;
  readonly shape: readonly number[];
}

export class GpuPacking implements Packing {
  readonly #buffers: GpuBuffers;
  readonly #owner: WeightOwner;
  readonly #expander: GpuExpander;
  readonly #packed = new WeakMap<DeviceTensor, Packed>();

  constructor(stream: GpuStream, buffers: GpuBuffers, owner: WeightOwner) {
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
    this.#owner.expectRoom(bytes.byteLength);
    const tensor = this.#owner.own(this.#buffers.holding(bytes), 'uint8', [bytes.byteLength]);
    this.#packed.set(tensor, { dtype, shape });
    return tensor;
  }

  expand(packed: DeviceTensor, as: 'float32' | 'float16' = 'float32'): DeviceTensor {
    const known = this.#packed.get(packed);
    if (!known) throw new BackendError('Only packed weights can be expanded.');
    const { dtype, shape } = known;
    const elements = elementCount(shape);
    const stored = this.#owner.bufferOf(packed);
    const bytes = elements * (as === 'float16' ? 2 : 4);
    this.#owner.expectRoom(bytes);
    const expanded = this.#buffers.take(bytes);
    this.#expander.expand(dtype, elements, { stored, expanded, as });
    return this.#owner.own(expanded, as, shape);
  }
}

/** Of a device whose shaders compute in float16. */
export const halfPrecision = (buffers: GpuBuffers, owner: WeightOwner): HalfPrecision => ({
  upload: (halves, shape) => {
    if (elementCount(shape) !== halves.length)
      throw new BackendError(`${halves.length} elements do not fill shape [${shape.join(', ')}].`);
    owner.expectRoom(halves.byteLength);
    return owner.own(buffers.holding(halves), 'float16', shape);
  },
});
