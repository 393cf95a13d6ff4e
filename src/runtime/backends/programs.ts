// Compiled graphs of a model, by what they compute. A graph is made for the components that an experiment touches, so their
// number grows with every other experiment; those that were not used for longest are released.

import type { Program } from './backend.ts';

/** A model of forty layers, looked at in many ways, stays below this; each holds some hundred kilobytes to megabytes. */
const mostPrograms = 192;

export class Programs {
  readonly #limit: number;
  /** The least recently used first. */
  readonly #compiled = new Map<string, Promise<Program>>();

  constructor(limit = mostPrograms) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#compiled.size;
  }

  /** The program of a key, compiled when it is asked for first. @param compile undefined where there is nothing to compute */
  get(key: string, compile: () => Promise<Program>): Promise<Program>;
  get(key: string, compile: () => Promise<Program> | undefined): Promise<Program> | undefined;
  get(key: string, compile: () => Promise<Program> | undefined): Promise<Program> | undefined {
    const known = this.#compiled.get(key);
    const program = known ?? compile();
    if (!program) return undefined;
    this.#compiled.delete(key);
    this.#compiled.set(key, program);
    if (!known) program.catch(() => this.#compiled.delete(key));
    return program;
  }

  /** Release what is above the limit. Only between runs: a run may use every program that it has asked for to its end. */
  async trim(): Promise<void> {
    const excess = [...this.#compiled].slice(0, Math.max(0, this.#compiled.size - this.#limit));
    for (const [key] of excess) this.#compiled.delete(key);
    await release(excess.map(([, program]) => program));
  }

  async dispose(): Promise<void> {
    const all = [...this.#compiled.values()];
    this.#compiled.clear();
    await release(all);
  }
}

async function release(programs: readonly Promise<Program>[]): Promise<void> {
  for (const program of await Promise.allSettled(programs)) {
    // What was never compiled holds nothing.
    if (program.status === 'fulfilled') await program.value.dispose();
  }
}
