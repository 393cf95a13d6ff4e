// What is asked to be read before its turn has come is read in one turn, and waited for once.

import type { BufferRange } from './gpuBuffers.ts';

/** @param ranges gives what is to be read, when the turn has come */
type InTurn = (ranges: () => readonly BufferRange[]) => Promise<readonly ArrayBuffer[]>;

interface Reading {
  readonly ranges: BufferRange[];
  readonly found: Promise<readonly ArrayBuffer[]>;
}

export class GpuReads {
  readonly #inTurn: InTurn;
  /** Whose turn has not come. */
  #next: Reading | undefined;

  constructor(inTurn: InTurn) {
    this.#inTurn = inTurn;
  }

  async read(range: BufferRange): Promise<ArrayBuffer> {
    this.#next ??= this.#begin();
    const { ranges, found } = this.#next;
    const place = ranges.push(range) - 1;
    const data = (await found)[place];
    if (!data) throw new Error('What was read is not there.');
    return data;
  }

  #begin(): Reading {
    const ranges: BufferRange[] = [];
    const end = () => {
      if (this.#next?.ranges === ranges) this.#next = undefined;
    };
    const found = this.#inTurn(() => {
      end();
      return ranges;
    });
    // It may fail before its turn.
    found.catch(end);
    return { ranges, found };
  }
}
