// Prompts that are run under many edits: their states where the edited rows fork are computed once and kept on the device,
// as far as there is room. Those that find none are run again whenever they are needed.

import type { Architecture, StackName } from '../architectures/architecture.ts';
import { openedModelOf } from '../imported/openedModels.ts';
import { keptBytes } from '../runtime/forward/kept.ts';
import type { Kept, Model } from '../runtime/model.ts';
import type { KeptRow } from '../runtime/plan/keptRow.ts';
import type { Edit, Row } from '../runtime/plan/plan.ts';
import { describeComponent } from '../runtime/plan/sites.ts';
import { lengthOfStack } from '../runtime/plan/stacks.ts';
import { runRow } from './planRuns.ts';
import { positionCount, type ResolvedPrompt } from './resolvedPrompt.ts';
import { partsTogether, type Work } from './rowParts.ts';
import { earlierFork, type Fork, layersOfPrompt } from './stackLayers.ts';

/** Bytes that states kept between steps take at most, unless another bound is given. */
export const defaultKeptBytes = 512 * 2 ** 20;

/**
 * Bytes that a model's states may take between steps: one brought as ONNX keeps none, nor does one of several stacks, and runs
 * its prompts again.
 */
export const keptRoom = (architecture: Architecture): number =>
  openedModelOf(architecture) || architecture.encoder ? 0 : defaultKeptBytes;

export interface Base {
  readonly prompt: ResolvedPrompt;
  /** From where on edited rows carry states of their own, in the stack that predicts. */
  readonly position: number;
  /** One for bases of which one is kept. */
  readonly key: string;
}

export const baseAt = (prompt: ResolvedPrompt, position: number): Base => ({
  prompt,
  position,
  key: `${position} ${prompt.key}`,
});

/**
 * The position of the stack that predicts at which rows fork: at what they change, unless every position sees every other, or
 * what a stack before it has.
 * @param stack the first that is edited
 */
export const forkPosition = (
  { isCausal }: Architecture,
  edited: readonly number[],
  stack: StackName = 'main',
): number => (isCausal && stack === 'main' ? Math.min(...edited) : 0);

/** What leaves a block enters the next of its stack: where rows that edit it begin, one layer less to run. */
export function wayOf(
  architecture: Architecture,
  { component, layer }: { readonly component: string; readonly layer: number },
): { readonly site: { readonly component: string; readonly layer: number }; readonly fork: Fork } {
  const { place } = describeComponent(architecture, component);
  const { from, count, stack } = place ?? { from: 0, count: architecture.layerCount, stack: 'main' };
  const isEntered = /(^|\.)block_output$/.test(component) && layer + 1 < count;
  const site = isEntered
    ? { component: component.replace(/block_output$/, 'block_input'), layer: layer + 1 }
    : { component, layer };
  return { site, fork: { layer: from + site.layer, stack } };
}

/** Where rows that edit several sites fork. @throws Error where there is none */
export const forkOf = (
  architecture: Architecture,
  sites: readonly { readonly component: string; readonly layer: number }[],
): Fork =>
  sites
    .map((site) => wayOf(architecture, site).fork)
    .reduce((first, fork) => earlierFork(architecture, first, fork));

/** Bytes that what is kept of a base takes. @param layer at whose entrance rows fork */
export const baseBytes = (architecture: Architecture, { prompt, position }: Base, layer: number): number =>
  keptBytes(architecture, { layer, length: lengthOfStack(architecture, prompt.start, 'main'), position });

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
  for (const base of bases) {
    neededBytes += baseBytes(architecture, base, layer);
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
      for (const part of partsTogether(bases, ({ prompt }) => positionCount(prompt))) {
        const positions = new Map(part.map(({ position }, row) => [row, position]));
        const plan = { rows: part.map(({ prompt }) => runRow(prompt)), reads: [] };
        const kept = await model.keep(plan, { layer, positions }, signal ? { signal } : {});
        found.#kept.push(kept);
        for (const [row, each] of kept.rows) {
          const base = part[row];
          if (base) found.#rows.set(base.key, each);
        }
        done(part.length * layersOfPrompt(model.architecture));
      }
      return found;
    } catch (error) {
      found.dispose();
      throw error;
    }
  }

  has({ key }: Base): boolean {
    return this.#rows.has(key);
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
      const { key } = base;
      const parent = parents.get(key) ?? before.length;
      if (!parents.has(key)) {
        const kept = this.#rows.get(key);
        before.push(kept ? { start: { kind: 'kept', kept }, edits: [] } : runRow(base.prompt));
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
