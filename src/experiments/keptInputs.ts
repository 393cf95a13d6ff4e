// What was read of pictures and sounds, kept by what the files hold: a page asks at every keystroke what a run would cost, and
// the pictures of all its pairs are then read from memory. The files are compared themselves, because a hash that an experiment
// states of a file may be another file's.

import { type GivenFile, isSameFile } from './givenFile.ts';

interface Kept<Value> {
  readonly given: GivenFile;
  /** What else the value depends on. */
  readonly context: string;
  readonly value: Value;
  readonly bytes: number;
}

/** Values of files, the latest used first, as many as there is room for. */
export class KeptInputs<Value> {
  #kept: readonly Kept<Value>[] = [];
  readonly #roomBytes: number;
  readonly #bytesOf: (value: Value) => number;

  /** @param roomBytes of the values and the files' text together; the latest is kept however large it is */
  constructor(roomBytes: number, bytesOf: (value: Value) => number) {
    this.#roomBytes = roomBytes;
    this.#bytesOf = bytesOf;
  }

  /** The value of a file: the very one that was read before, where it is still kept. */
  async get(given: GivenFile, context: string, read: () => Promise<Value>): Promise<Value> {
    const known = this.#find(given, context);
    if (known) return this.#keep(known);
    const value = await read();
    const bytes = ('data' in given ? given.data.length : 0) + this.#bytesOf(value);
    // Another call may have read the same meanwhile; who shares numbers shares those.
    return this.#keep(this.#find(given, context) ?? { given, context, value, bytes });
  }

  #find(given: GivenFile, context: string): Kept<Value> | undefined {
    return this.#kept.find((each) => each.context === context && isSameFile(each.given, given));
  }

  #keep(used: Kept<Value>): Value {
    let left = this.#roomBytes;
    this.#kept = [used, ...this.#kept.filter((each) => each !== used)].filter(({ bytes }, index) => {
      left -= bytes;
      return index === 0 || left >= 0;
    });
    return used.value;
  }
}
