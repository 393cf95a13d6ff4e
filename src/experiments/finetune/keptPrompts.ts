// What of the examples does not change while an adapter is trained: the states of their prompts where its rows fork.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Model } from '../../runtime/model.ts';
import type { Row } from '../../runtime/plan/plan.ts';
import { type Base, baseAt, forkPosition, KeptBases, roomFor } from '../keptBases.ts';
import type { Work } from '../rowParts.ts';
import { enteringBytes, layersAfter, layersOfPrompt, lengthsOf } from '../stackLayers.ts';
import { type Continued, forced } from '../teacherForcing.ts';
import { type EditedPositions, type OpenAdapter, positionsIn, type ResolvedAdapter } from './adapter.ts';

/** What of an example stays as it is while an adapter is trained. */
interface PlacedExample {
  readonly base: Base;
  readonly positions: EditedPositions;
}

function placedExample(
  architecture: Architecture,
  adapter: ResolvedAdapter,
  example: Continued,
): PlacedExample {
  const whole = forced(example.prompt, example.label);
  const positions = positionsIn(architecture, adapter, example, whole);
  const edited = [...positions.first, ...positions.last];
  return { base: baseAt(whole, forkPosition(architecture, edited, adapter.fork.stack)), positions };
}

/** The prompts that an adapter forks from. */
export interface AdapterPrompts {
  /** Each once. */
  readonly bases: readonly Base[];
  /** How many of them, from the first on, find room. */
  readonly keptCount: number;
  readonly neededBytes: number;
  readonly placedOf: (example: Continued) => PlacedExample;
}

export function promptsOf(
  architecture: Architecture,
  adapter: ResolvedAdapter,
  examples: readonly Continued[],
  roomBytes: number,
): AdapterPrompts {
  const place = (example: Continued) => placedExample(architecture, adapter, example);
  const placed = new Map(examples.map((example) => [example, place(example)]));
  const bases = [...new Map([...placed.values()].map(({ base }) => [base.key, base])).values()];
  return {
    bases,
    ...roomFor(architecture, bases, adapter.fork.layer, roomBytes),
    placedOf: (example) => placed.get(example) ?? place(example),
  };
}

/**
 * Row-layers of running examples from the adapter on, `passes` times, and before it those that found no room.
 * @param bases of the examples, one for each
 * @param isKept whether a base found room
 */
export function rowLayersOf(
  architecture: Architecture,
  { fork }: ResolvedAdapter,
  bases: readonly Base[],
  passes: number,
  isKept: (base: Base) => boolean,
): number {
  const unkept = bases.filter((base) => !isKept(base)).length;
  const after = layersAfter(architecture, fork);
  return bases.length * passes * after + unkept * layersOfPrompt(architecture);
}

/** The same in tokens that pass a layer: a row carries those from its fork on, and one that is run again all of its own. */
export function tokenLayersOf(
  architecture: Architecture,
  { fork }: ResolvedAdapter,
  bases: readonly Base[],
  passes: number,
  isKept: (base: Base) => boolean,
): number {
  return bases.reduce((sum, base) => {
    const { prompt, position } = base;
    const after = layersAfter(architecture, fork, lengthsOf(architecture, prompt, position));
    const before = isKept(base) ? 0 : layersOfPrompt(architecture, lengthsOf(architecture, prompt));
    return sum + passes * after + before;
  }, 0);
}

export class KeptPrompts {
  readonly #architecture: Architecture;
  readonly #adapter: ResolvedAdapter;
  readonly #bases: KeptBases;
  readonly #placedOf: AdapterPrompts['placedOf'];

  private constructor(
    architecture: Architecture,
    adapter: ResolvedAdapter,
    bases: KeptBases,
    placedOf: AdapterPrompts['placedOf'],
  ) {
    this.#architecture = architecture;
    this.#adapter = adapter;
    this.#bases = bases;
    this.#placedOf = placedOf;
  }

  /** Run the prompts that find room once. @throws the signal's reason, with nothing left behind */
  static async of(
    model: Model,
    adapter: ResolvedAdapter,
    { bases, keptCount, placedOf }: AdapterPrompts,
    work: Work,
  ): Promise<KeptPrompts> {
    const kept = await KeptBases.of(model, bases.slice(0, keptCount), adapter.fork.layer, work);
    return new KeptPrompts(model.architecture, adapter, kept, placedOf);
  }

  /** Rows in which the adapter acts, after those that they fork from. */
  rows(
    examples: readonly Continued[],
    { editsOf }: OpenAdapter,
  ): { readonly rows: readonly Row[]; readonly first: number } {
    return this.#bases.rows(
      examples.map((example) => {
        const { base, positions } = this.#placedOf(example);
        return { base, edits: editsOf(positions) };
      }),
    );
  }

  rowLayers(examples: readonly Continued[], passes: number): number {
    const bases = examples.map((example) => this.#placedOf(example).base);
    return rowLayersOf(this.#architecture, this.#adapter, bases, passes, (base) => this.#bases.has(base));
  }

  /** Bytes of the states with which an example enters the layers from the adapter on. */
  enteringBytes(example: Continued): number {
    const { prompt, position } = this.#placedOf(example).base;
    return enteringBytes(this.#architecture, prompt, this.#adapter.fork, position);
  }

  dispose(): void {
    this.#bases.dispose();
  }
}
