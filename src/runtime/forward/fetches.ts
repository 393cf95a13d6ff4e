// What leaves the device. To wait for a GPU lets it run dry, so what is read waits for more to be read with it: for the end of a
// stage where somebody looks on, else for the end of the run, or until it takes much memory there.

import type { Arena } from '../backends/arena.ts';
import { type DeviceTensor, elementCount } from '../backends/backend.ts';
import type { ReadTensor } from '../plan/plan.ts';

type Fetched = Readonly<Record<string, ReadTensor>>;

interface Waiting {
  readonly tensors: Readonly<Record<string, DeviceTensor>>;
  readonly use: (fetched: Fetched) => void;
}

export class Fetches {
  readonly #arena: Arena;
  #waiting: Waiting[] = [];
  #bytes = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Have the tensors read, and disposed then. @param use is called with what they held, in the order of asking */
  async take(
    tensors: Readonly<Record<string, DeviceTensor>>,
    use: (fetched: Fetched) => void,
  ): Promise<void> {
    this.#waiting.push({ tensors, use });
    for (const { shape } of Object.values(tensors)) this.#bytes += 4 * elementCount(shape);
    if (this.#bytes > this.#arena.backend.readTogetherBytes) await this.all();
  }

  /** Read what waits. */
  async all(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    const { backend } = this.#arena;
    // Asked for at once, they are waited for once.
    const read = await Promise.all(
      waiting.map(({ tensors }) =>
        Promise.all(
          Object.entries(tensors).map(
            async ([name, tensor]) =>
              [name, { shape: tensor.shape, data: await backend.read(tensor) }] as const,
          ),
        ),
      ),
    );
    waiting.forEach(({ tensors, use }, index) => {
      for (const tensor of Object.values(tensors)) this.#arena.dispose(tensor);
      use(Object.fromEntries(read[index] ?? []));
    });
  }
}
