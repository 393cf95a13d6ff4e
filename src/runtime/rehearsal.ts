// A GPU compiles a shader when it first runs, for seconds in all before a first result. While the weights of a model arrive its
// first layers can be run already: the model that they make has the graphs of the whole one and weights of its shapes, so
// what it compiles is what the whole one will run. Nobody waits for it, and nothing that it computes is looked at.

import type { Architecture } from '../architectures/architecture.ts';
import { BackendError, DeviceLostError } from './backends/backend.ts';

/** A row that forks at a layer reads what another left in the layer before. */
const fewestLayers = 2;
/** Their weights arrive before the others. */
const mostLayers = 8;

/**
 * A model with the embedding, the head and as many of the first layers as have all of its graphs; undefined where it has several
 * stacks, reads what is no text, or has too many kinds of layers.
 */
export function firstLayers(architecture: Architecture): Architecture | undefined {
  if (architecture.encoder || architecture.input) return undefined;
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

export class Rehearsal {
  readonly #stop = new AbortController();
  #over: Promise<void> = Promise.resolve();
  #failure: BackendError | DeviceLostError | undefined;

  begin(work: (signal: AbortSignal) => Promise<unknown>): void {
    const { signal } = this.#stop;
    this.#over = work(signal).then(
      () => undefined,
      (error: unknown) => {
        // Anything else, as numbers of two layers that are not finite, says nothing of the model and nothing of the device.
        if (error instanceof BackendError || error instanceof DeviceLostError) this.#failure = error;
      },
    );
  }

  /** What the GPU refuses is told once, to whoever works there: it may have been a weight. @throws that */
  check(): void {
    if (this.#failure) throw this.#failure;
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
