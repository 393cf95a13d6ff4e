// What a GPU refuses, it says later and to nobody: an event of the device. Without listening, a buffer that could not be made
// reads as zeros, and the zeros would be shown as results.

import { BackendError, OutOfMemoryError } from './backend.ts';

/** What is said where memory ran out. @param words of the GPU */
export const noRoom = (words: string): OutOfMemoryError =>
  new OutOfMemoryError(
    `The GPU has no room for this (${words}). Choose a smaller model, a shorter prompt or fewer cells, close what else uses the GPU, or choose WASM (in the page by ?backend=wasm).`,
  );

export class GpuFaults {
  /** The first that nothing was waiting for. */
  #fault: string | undefined;
  /** The runtime's own buffers may be such as could not be made, and it would use them again: no later run is trusted. */
  #isFull = false;

  constructor(device: GPUDevice) {
    device.addEventListener('uncapturederror', ({ error }) => {
      // The rest of it is the call stack of the GPU's own interface.
      const words = (error.message.split('\n', 1)[0] ?? '').replace(/\.$/, '');
      // What follows from a buffer that could not be made says less than that it could not be made.
      if (error instanceof GPUOutOfMemoryError && !this.#isFull) {
        this.#isFull = true;
        this.#fault = words;
      }
      this.#fault ??= words;
    });
  }

  /** @throws OutOfMemoryError where memory has ever run out on this device */
  expectRoom(): void {
    if (this.#isFull) throw noRoom(this.#fault || 'it says no more');
  }

  /** Errors of the GPU arrive on their own; whatever was computed meanwhile is not to be trusted. */
  expectNone(): void {
    this.expectRoom();
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault === undefined) return;
    throw new BackendError(
      `The GPU refused a part of the work (${fault}), so its numbers are not shown. Choose a smaller model, or WASM (in the page by ?backend=wasm).`,
    );
  }
}
