// A GPU compiles a shader when it first runs, for seconds in all before a first result. While the weights of a model arrive its
// first layers can be run already: the model that they make has the graphs of the whole one and weights of its shapes, so
// what it compiles is what the whole one will run. Nobody waits for it, and nothing that it computes is looked at.

import { type Architecture, readsMore } from '../architectures/architecture.ts';
import { BackendError, DeviceLostError, OutOfMemoryError } from './backends/backend.ts';

/** A row that forks at a layer reads what another left in the layer before. */
const fewestLayers = 2;
/** Their weights arrive before the others. */
const mostLayers = 8;

/**
 * A model with the embedding, the head and as many of the first layers as have all of its graphs; undefined where it has several
 * stacks, reads what is no text, or has too many kinds of layers.
 */
export function firstLayers(architecture: Architecture): Architecture | undefined {
  if (readsMore(architecture)) return undefined;
  const keys = architecture.blocks.map(({ key }) => key);
  const last = [...new Set(keys)].reduce((most, key) => Math.max(most, keys.indexOf(key)), 0);
  const count = Math.min(architecture.layerCount, Math.max(fewestLayers, last + 1));
  if (count > mostLayers) return undefined;
  const components = architecture.components.flatMap((component) => {
    const layers = component.layers?.filter((layer) => layer < count);
    if (!layers) return [component];
    return layers.length > 0 ? [{ ...component, layers }] : [];
  });
  return { ...architecture, layerCount: count, blocks: architecture.blocks.slice(0, count), components };
}

type Refusal = BackendError | DeviceLostError;
const isRefusal = (error: unknown): error is Refusal =>
  error instanceof BackendError || error instanceof DeviceLostError;

/**
 * What a GPU refuses is told once, to whoever works there. So what a rehearsal meets while weights arrive may have been a weight;
 * what else goes wrong with it, as numbers of two layers that are not finite, says nothing of the model and nothing of the device.
 */
export class Rehearsal {
  readonly #stop = new AbortController();
  #over: Promise<void> = Promise.resolve();
  #hasBegun = false;
  #isArriving = true;
  #refusal: Refusal | undefined;
  #hadNoRoom = false;

  /** @param work runs in `hear` */
  begin(work: (signal: AbortSignal) => Promise<unknown>): void {
    this.#hasBegun = true;
    this.#over = work(this.#stop.signal).then(
      () => undefined,
      (error: unknown) => this.#note(error, this.#isArriving),
    );
  }

  /** Do a run of it. One that began while weights arrived may meet what was refused of one when all have arrived. */
  async hear<T>(run: () => Promise<T>): Promise<T> {
    const mayBeWeight = this.#isArriving;
    try {
      return await run();
    } catch (error) {
      this.#note(error, mayBeWeight);
      throw error;
    }
  }

  #note(error: unknown, mayBeWeight: boolean): void {
    if (error instanceof OutOfMemoryError) this.#hadNoRoom = true;
    if (mayBeWeight && isRefusal(error)) this.#refusal ??= error;
  }

  /** @throws BackendError or DeviceLostError, what it met that may have been a weight */
  check(): void {
    if (this.#refusal) throw this.#refusal;
  }

  /** All weights are there, and the device has caught up with them. @throws as `check` */
  arrived(): void {
    this.#isArriving = false;
    this.check();
  }

  /** Whether anything of it has run. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Whether the device had no room for it. */
  get hadNoRoom(): boolean {
    return this.#hadNoRoom;
  }

  /** When it has run to its end, or was ended. */
  get over(): Promise<void> {
    return this.#over;
  }

  /** Have it stop where it stands. @returns when nothing of it is in use */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#over;
  }
}
