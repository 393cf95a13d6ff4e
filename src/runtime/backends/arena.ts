// Keeps count of the tensors that one run makes, so that whatever way it ends none of them is left.

import type { Backend, DeviceTensor, Piece, TensorData } from './backend.ts';

export class Arena {
  readonly backend: Backend;
  readonly #owned = new Set<DeviceTensor>();
  readonly #kept = new Map<DeviceTensor, number>();
  /** Kept beyond the moment at which they were disposed. */
  readonly #due = new Set<DeviceTensor>();

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

  /** Put off what `dispose` does to a tensor until it was released as often as it was kept. */
  keep(tensor: DeviceTensor): void {
    if (this.#owned.has(tensor)) this.#kept.set(tensor, (this.#kept.get(tensor) ?? 0) + 1);
  }

  release(tensor: DeviceTensor): void {
    const claims = this.#kept.get(tensor) ?? 0;
    if (claims > 1) {
      this.#kept.set(tensor, claims - 1);
      return;
    }
    this.#kept.delete(tensor);
    if (this.#due.delete(tensor)) this.dispose(tensor);
  }

  dispose(tensor: DeviceTensor): void {
    if (this.#kept.has(tensor)) this.#due.add(tensor);
    else if (this.#owned.delete(tensor)) this.backend.dispose(tensor);
  }

  disposeAll(): void {
    for (const tensor of this.#owned) this.backend.dispose(tensor);
    this.#owned.clear();
    this.#kept.clear();
    this.#due.clear();
  }
}
