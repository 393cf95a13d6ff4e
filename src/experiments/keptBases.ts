// Prompts that are run under many edits: their states where the edited rows fork are computed once and kept on the device,
// as far as there is room. Those that find none are run again whenever they are needed.

import type { Architecture } from '../architectures/architecture.ts';
import { openedModelOf } from '../imported/openedModels.ts';
import { keptBytes } from '../runtime/forward/kept.ts';
import type { Kept, Model } from '../runtime/model.ts';
import type { KeptRow } from '../runtime/plan/keptRow.ts';
import type { Edit, Row } from '../runtime/plan/plan.ts';
import { promptRow } from './planRuns.ts';
import { partsTogether, type Work } from './rowParts.ts';

/** Bytes that states kept between steps take at most, unless another bound is given. */
export const defaultKeptBytes = 512 * 2 ** 20;

/** Bytes that a model's states may take between steps: a model brought as ONNX keeps none, and runs its prompts again. */
export const keptRoom = (architecture: Architecture): number =>
  openedModelOf(architecture) ? 0 : defaultKeptBytes;

export interface Base {
  readonly tokens: readonly number[];
  /** From where on edited rows carry states of their own. */
  readonly position: number;
}

export const baseKey = ({ tokens, position }: Base): string => `${position} ${tokens.join(' ')}`;

/** Where rows fork: at what they change, unless every position sees every other. */
export const forkPosition = ({ isCausal }: Architecture, edited: readonly number[]): number =>
  isCausal ? Math.min(...edited) : 0;

/** What leaves a block enters the next: where rows that edit it begin, one layer less to run. */
export function wayOf(
  { component, layer }: { readonly component: string; readonly layer: number },
  layerCount: number,
) {
  const isEntered = component === 'block_output' && layer + 1 < layerCount;
  const site = isEntered ? { component: 'block_input', layer: layer + 1 } : { component, layer };
  return { site, fork: site.layer, layersAfter: layerCount - site.layer };
}

/**
 * How many of the bases, from the first on, find room, and the bytes that all would take.
 * @param layer at whose entrance rows fork
 */
export function roomFor(
  architecture: Architecture,
  bases: readonly Base[],
  layer: number,
  roomBytes: number,
): { readonly keptCount: number; readonly neededBytes: number } {
  let neededBytes = 0;
  let keptCount = 0;
  for (const { tokens, position } of bases) {
    neededBytes += keptBytes(architecture, { layer, length: tokens.length, position });
    if (neededBytes <= roomBytes) keptCount += 1;
  }
  return { keptCount, neededBytes };
}

export class KeptBases {
  readonly #layer: number;
  readonly #kept: Kept[] = [];
  readonly #rows = new Map<string, KeptRow>();

  private constructor(layer: number) {
    this.#layer = layer;
  }

  /**
   * Run all bases once.
   * @param bases those that find room, each once
   * @param layer at whose entrance rows fork
   * @throws the signal's reason, with nothing left behind
   */
  static async of(
    model: Model,
    bases: readonly Base[],
    layer: number,
    { signal, done }: Work,
  ): Promise<KeptBases> {
    const found = new KeptBases(layer);
    try {
      for (const part of partsTogether(bases, ({ tokens }) => tokens.length)) {
        const positions = new Map(part.map(({ position }, row) => [row, position]));
        const plan = { rows: part.map(({ tokens }) => promptRow(tokens)), reads: [] };
        const kept = await model.keep(plan, { layer, positions }, signal ? { signal } : {});
        found.#kept.push(kept);
        for (const [row, each] of kept.rows) {
          const base = part[row];
          if (base) found.#rows.set(baseKey(base), each);
        }
        done(part.length * model.architecture.layerCount);
      }
      return found;
    } catch (error) {
      found.dispose();
      throw error;
    }
  }

  has(base: Base): boolean {
    return this.#rows.has(baseKey(base));
  }

  /**
   * Rows in which edits act: their bases first, each once, then one for each of `forks`.
   * @returns the rows, and the place of the first that acts
   */
  rows(forks: readonly { readonly base: Base; readonly edits: readonly Edit[] }[]): {
    readonly rows: readonly Row[];
    readonly first: number;
  } {
    const parents = new Map<string, number>();
    const before: Row[] = [];
    const edited = forks.map(({ base, edits }): Row => {
      const key = baseKey(base);
      const parent = parents.get(key) ?? before.length;
      if (!parents.has(key)) {
        const kept = this.#rows.get(key);
        before.push(kept ? { start: { kind: 'kept', kept }, edits: [] } : promptRow(base.tokens));
        parents.set(key, parent);
      }
      return { start: { kind: 'fork', parent, layer: this.#layer, position: base.position }, edits };
    });
    return { rows: [...before, ...edited], first: before.length };
  }

  dispose(): void {
    for (const kept of this.#kept.splice(0)) kept.dispose();
  }
}
