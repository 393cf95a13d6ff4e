// What of the examples does not change while an adapter is trained: the states of their prompts where its rows fork.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Model } from '../../runtime/model.ts';
import type { Row } from '../../runtime/plan/plan.ts';
import { type Base, baseKey, forkPosition, KeptBases, roomFor } from '../keptBases.ts';
import type { Work } from '../rowParts.ts';
import { enteringBytes as bytesEntering, layersAfter, layersOfPrompt, lengthsOf } from '../stackLayers.ts';
import { type Continued, forced } from '../teacherForcing.ts';
import { type OpenAdapter, positionsIn, type ResolvedAdapter } from './adapter.ts';

function baseOf(architecture: Architecture, adapter: ResolvedAdapter, example: Continued): Base {
  const { first, last } = positionsIn(architecture, adapter, example);
  return {
    prompt: forced(example.prompt, example.label),
    position: forkPosition(architecture, [...first, ...last], adapter.fork.stack),
  };
}

/** The prompts that an adapter forks from. */
export interface AdapterPrompts {
  /** Each once. */
  readonly bases: readonly Base[];
  /** How many of them, from the first on, find room. */
  readonly keptCount: number;
  readonly neededBytes: number;
}

export function promptsOf(
  architecture: Architecture,
  adapter: ResolvedAdapter,
  examples: readonly Continued[],
  roomBytes: number,
): AdapterPrompts {
  const all = examples.map((example) => baseOf(architecture, adapter, example));
  const bases = [...new Map(all.map((base) => [baseKey(base), base])).values()];
  return { bases, ...roomFor(architecture, bases, adapter.fork.layer, roomBytes) };
}

/** Bytes of the states with which an example enters the layers from the adapter on. */
export function enteringBytes(
  architecture: Architecture,
  adapter: ResolvedAdapter,
  example: Continued,
): number {
  const { prompt, position } = baseOf(architecture, adapter, example);
  return bytesEntering(architecture, prompt, adapter.fork, position);
}

/**
 * Row-layers of running examples from the adapter on, `passes` times, and before it those that found no room.
 * @param isKept whether a base found room
 */
export function rowLayersOf(
  architecture: Architecture,
  adapter: ResolvedAdapter,
  examples: readonly Continued[],
  passes: number,
  isKept: (base: Base) => boolean,
): number {
  const unkept = examples.filter((example) => !isKept(baseOf(architecture, adapter, example))).length;
  const after = layersAfter(architecture, adapter.fork);
  return examples.length * passes * after + unkept * layersOfPrompt(architecture);
}

/** The same in tokens that pass a layer: a row carries those from its fork on, and one that is run again all of its own. */
export function tokenLayersOf(
  architecture: Architecture,
  adapter: ResolvedAdapter,
  examples: readonly Continued[],
  passes: number,
  isKept: (base: Base) => boolean,
): number {
  return examples.reduce((sum, example) => {
    const base = baseOf(architecture, adapter, example);
    const { prompt, position } = base;
    const after = layersAfter(architecture, adapter.fork, lengthsOf(architecture, prompt, position));
    const before = isKept(base) ? 0 : layersOfPrompt(architecture, lengthsOf(architecture, prompt));
    return sum + passes * after + before;
  }, 0);
}

export class KeptPrompts {
  readonly #architecture: Architecture;
  readonly #adapter: ResolvedAdapter;
  readonly #bases: KeptBases;

  private constructor(architecture: Architecture, adapter: ResolvedAdapter, bases: KeptBases) {
    this.#architecture = architecture;
    this.#adapter = adapter;
    this.#bases = bases;
  }

  /** Run the prompts that find room once. @throws the signal's reason, with nothing left behind */
  static async of(
    model: Model,
    adapter: ResolvedAdapter,
    { bases, keptCount }: AdapterPrompts,
    work: Work,
  ): Promise<KeptPrompts> {
    const kept = await KeptBases.of(model, bases.slice(0, keptCount), adapter.fork.layer, work);
    return new KeptPrompts(model.architecture, adapter, kept);
  }

  /** Rows in which the adapter acts, after those that they fork from. */
  rows(
    examples: readonly Continued[],
    { editsOf }: OpenAdapter,
  ): { readonly rows: readonly Row[]; readonly first: number } {
    return this.#bases.rows(
      examples.map((example) => {
        const base = baseOf(this.#architecture, this.#adapter, example);
        return { base, edits: editsOf(positionsIn(this.#architecture, this.#adapter, example)) };
      }),
    );
  }

  rowLayers(examples: readonly Continued[], passes: number): number {
    return rowLayersOf(this.#architecture, this.#adapter, examples, passes, (base) => this.#bases.has(base));
  }

  dispose(): void {
    this.#bases.dispose();
  }
}
