// One at a time, in the order of asking. ORT keeps one arena, and on WebGPU one command encoder: a second create or run
// before the first has ended hangs, without a word, on WASM as on WebGPU.

export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Do the work when all that was asked for before has ended, well or badly. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work, work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}
