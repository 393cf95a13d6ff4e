// Compiled graphs of a model, by what they compute. A graph is made for the components that an experiment touches, so their
// number grows with every other experiment; those that were not used for longest are released.

import type { Backend, Program } from './backend.ts';

/** A model of forty layers, looked at in many ways, stays below this; each holds some hundred kilobytes to megabytes. */
const mostPrograms = 192;
/** Of constants in programs together, where memory is not addressed by 32 bits. */
const mostConstantBytes = 8 * 2 ** 30;

/** Bytes that constants of programs may take together: three quarters of what one graph can be given, where that is bounded. */
export const constantLimit = ({ largestPartBytes }: Pick<Backend, 'largestPartBytes'>): number =>
  Math.min(mostConstantBytes, 0.75 * largestPartBytes);

interface Limits {
  readonly programs: number;
  readonly constantBytes: number;
}

export class Programs<P extends Pick<Program, 'dispose'> = Program> {
  readonly #limits: Limits;
  /** The least recently used first. */
  readonly #compiled = new Map<string, Promise<P>>();
  /** Bytes of weights that are constants of a program, of those that have any. */
  readonly #constantBytes = new Map<string, number>();

  constructor(programs = mostPrograms, constantBytes = mostConstantBytes) {
    this.#limits = { programs, constantBytes };
  }

  get size(): number {
    return this.#compiled.size;
  }

  /**
   * The program of a key, compiled when it is asked for first.
   * @param compile       undefined where there is nothing to compute
   * @param constantBytes of the weights that are constants of it
   */
  get(key: string, compile: () => Promise<P>, constantBytes?: number): Promise<P>;
  get(key: string, compile: () => Promise<P> | undefined): Promise<P> | undefined;
  get(key: string, compile: () => Promise<P> | undefined, constantBytes = 0): Promise<P> | undefined {
    const known = this.#compiled.get(key);
    const program = known ?? compile();
    if (!program) return undefined;
    this.#compiled.delete(key);
    this.#compiled.set(key, program);
    if (!known && constantBytes > 0) this.#constantBytes.set(key, constantBytes);
    if (!known) program.catch(() => this.#forget(key));
    return program;
  }

  #forget(key: string): void {
    this.#compiled.delete(key);
    this.#constantBytes.delete(key);
  }

  /** Release what is above the limits. Only between runs: a run may use every program that it has asked for to its end. */
  async trim(): Promise<void> {
    let bytes = [...this.#constantBytes.values()].reduce((sum, own) => sum + own, 0);
    let count = this.#compiled.size;
    const excess: Promise<P>[] = [];
    for (const [key, program] of [...this.#compiled]) {
      const own = this.#constantBytes.get(key) ?? 0;
      const isTooMuch = own > 0 && bytes > this.#limits.constantBytes;
      if (count <= this.#limits.programs && !isTooMuch) continue;
      count -= 1;
      bytes -= own;
      excess.push(program);
      this.#forget(key);
    }
    await release(excess);
  }

  async dispose(): Promise<void> {
    const all = [...this.#compiled.values()];
    this.#compiled.clear();
    this.#constantBytes.clear();
    await release(all);
  }
}

async function release(programs: readonly Promise<Pick<Program, 'dispose'>>[]): Promise<void> {
  for (const program of await Promise.allSettled(programs)) {
    // What was never compiled holds nothing.
    if (program.status === 'fulfilled') await program.value.dispose();
  }
}
