// Keeps count of the tensors that one run makes, so that whatever way it ends none of them is left.

import type { Backend, DeviceTensor, Piece, TensorData } from './backend.ts';

export class Arena {
  readonly backend: Backend;
  readonly #owned = new Set<DeviceTensor>();

  constructor(backend: Backend) {
    this.backend = backend;
  }

  own<T extends Readonly<Record<string, DeviceTensor>>>(tensors: T): T {
    for (const tensor of Object.values(tensors)) this.#owned.add(tensor);
    return tensors;
  }

  upload(data: TensorData, shape: readonly number[]): DeviceTensor {
    const tensor = this.backend.upload(data, shape);
    this.#owned.add(tensor);
    return tensor;
  }

  assemble(shape: readonly number[], pieces: readonly Piece[]): DeviceTensor {
    const tensor = this.backend.assemble(shape, pieces);
    this.#owned.add(tensor);
    return tensor;
  }

  dispose(tensor: DeviceTensor): void {
    if (this.#owned.delete(tensor)) this.backend.dispose(tensor);
  }

  disposeAll(): void {
    for (const tensor of this.#owned) this.backend.dispose(tensor);
    this.#owned.clear();
  }
}
