// Notices that a GPU does not answer. Whether its driver hangs or a piece of work takes long cannot be told from outside, so
// nothing is ended here: it is said, again after as long as before, and whoever hears it goes on waiting or stops.

import { BackendError } from './backend.ts';

export interface Clock {
  /** @returns what calls it off */
  after(ms: number, then: () => void): () => void;
}

/** Hears that the GPU is silent. @param stop waits no longer: what is being waited for fails; nothing once it has answered */
export type HearSilence = (sentence: string, stop: () => void) => void;

export interface WatchOptions {
  readonly onSilence: HearSilence;
  /** Default half a minute on hardware, whose drivers end what takes that long, and five where software computes. */
  readonly patienceMs?: number;
  /** Default the system's. */
  readonly clock?: Clock;
}

const systemClock: Clock = {
  after: (ms, then) => {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
};

/** How long what is waited for may take to fail by itself once the device is gone. */
const graceMs = 1000;

export const usualPatienceMs = (isSoftware: boolean): number => (isSoftware ? 300_000 : 30_000);

export class GpuWatch {
  readonly #options: WatchOptions | undefined;
  readonly #patienceMs: number;
  readonly #clock: Clock;
  readonly #destroy: () => void;

  /** @param destroy gives the device up, so that what waits for it fails */
  constructor(options: WatchOptions | undefined, isSoftware: boolean, destroy: () => void) {
    this.#options = options;
    this.#patienceMs = options?.patienceMs ?? usualPatienceMs(isSoftware);
    this.#clock = options?.clock ?? systemClock;
    this.#destroy = destroy;
  }

  /** @param what is waited for: `to read a result` */
  async watch<T>(what: string, work: Promise<T>): Promise<T> {
    const heard = this.#options;
    if (!heard) return work;
    let callOff: () => void = () => undefined;
    let isOver = false;
    const stopped = new Promise<never>((_, reject) => {
      const stop = (waitedMs: number) => {
        // It has answered since: whoever stops now stops something else, and may need the device.
        if (isOver) return;
        callOff();
        this.#destroy();
        const sentence = `The GPU was given up after it had not answered for ${waitedMs / 1000} s (it was ${what}). Load the model again to go on; if it hangs again, update its driver or choose WASM.`;
        callOff = this.#clock.after(graceMs, () => reject(new BackendError(sentence)));
      };
      const wait = (waitedMs: number, nextMs: number) => {
        callOff = this.#clock.after(nextMs, () => {
          const all = waitedMs + nextMs;
          wait(all, all);
          heard.onSilence(
            `The GPU has not answered for ${all / 1000} s (it is ${what}). The work may be that large, or its driver hangs: go on waiting, or stop.`,
            () => stop(all),
          );
        });
      };
      wait(0, this.#patienceMs);
    });
    try {
      return await Promise.race([work, stopped]);
    } finally {
      isOver = true;
      callOff();
    }
  }
}
