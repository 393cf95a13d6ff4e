// What of the examples does not change while a site is trained: the states of the bases where their rows fork, and what
// the sources have at the site. It is computed once for each distinct prompt and kept.

import { topK } from '../../onnx/reduction.ts';
import type { KeptRow } from '../../runtime/kept.ts';
import type { Kept, Model } from '../../runtime/model.ts';
import type { Edit, Fragment, Reduction, Row } from '../../runtime/plan.ts';
import { floatsOf, promptRow, readPrediction } from '../planRuns.ts';
import type { AlignSite, ResolvedAlign } from './resolve.ts';
import type { ResolvedExample } from './resolveExamples.ts';

/** The most probable token. */
export const bestToken: Reduction = {
  key: 'most probable token',
  build: (logits) => ({ id: topK(logits, 1).places }),
};

/** Rows of one plan where nothing but their end is read. */
export const rowsTogether = 128;

/** Runs parts of a work one after another; `rowLayers` of each are counted when it is done. */
export interface Work {
  readonly signal?: AbortSignal;
  readonly done: (rowLayers: number) => void;
}

/** In parts of at most `size`. */
export function inParts<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, part) =>
    items.slice(part * size, (part + 1) * size),
  );
}

interface Wanted {
  readonly tokens: readonly number[];
  readonly position: number;
}

const keyOf = ({ tokens, position }: Wanted): string => `${position} ${tokens.join(' ')}`;

/** Each prompt and position once, in the order in which they come. */
function distinct(wanted: readonly Wanted[]): readonly Wanted[] {
  return [...new Map(wanted.map((each) => [keyOf(each), each])).values()];
}

/** Where the rows of a site begin and what they edit: what leaves a block enters the next, one layer less to run. */
export function wayOf({ component, layer }: AlignSite, layerCount: number) {
  const isEntered = component === 'block_output' && layer + 1 < layerCount;
  const site = isEntered ? { component: 'block_input', layer: layer + 1 } : { component, layer };
  return { site, fork: site.layer, layersAfter: layerCount - site.layer };
}

/** The distinct prompts of examples at a site. */
export function promptsAt(examples: readonly ResolvedExample[], place: number) {
  const of = (side: 'base' | 'source') =>
    distinct(
      examples.map((example) => ({ tokens: example[side], position: example.places[place]?.[side] ?? 0 })),
    );
  return { bases: of('base'), sources: of('source') };
}

export class KeptExamples {
  readonly #layerCount: number;
  readonly #isCausal: boolean;
  readonly #site: AlignSite;
  readonly #place: number;
  readonly #kept: Kept[] = [];
  readonly #bases = new Map<string, KeptRow>();
  readonly #sources = new Map<string, Float32Array>();

  private constructor({ architecture }: Model, site: AlignSite, place: number) {
    this.#layerCount = architecture.layerCount;
    this.#isCausal = architecture.isCausal;
    this.#site = site;
    this.#place = place;
  }

  /**
   * Run all prompts of a site once.
   * @throws the signal's reason, with nothing left behind
   */
  static async of(
    model: Model,
    align: ResolvedAlign,
    site: AlignSite,
    { signal, done }: Work,
  ): Promise<KeptExamples> {
    const place = align.positions.indexOf(site.position);
    const found = new KeptExamples(model, site, place);
    const { bases, sources } = promptsAt([...align.train, ...align.test], place);
    const options = signal ? { signal } : {};
    const { fork } = wayOf(site, model.architecture.layerCount);
    try {
      for (const part of inParts(bases, rowsTogether)) {
        const positions = new Map(part.map(({ position }, row) => [row, found.#first(position)]));
        const plan = { rows: part.map(({ tokens }) => promptRow(tokens)), reads: [] };
        const kept = await model.keep(plan, { layer: fork, positions }, options);
        found.#kept.push(kept);
        for (const [row, each] of kept.rows) {
          const wanted = part[row];
          if (wanted) found.#bases.set(keyOf(wanted), each);
        }
        done(part.length * model.architecture.layerCount);
      }
      for (const part of inParts(sources, rowsTogether)) {
        const rows = part.map(({ tokens }) => promptRow(tokens));
        const reads = part.map(({ position }, row) => ({ row, site, location: { positions: [position] } }));
        const results = await model.run({ rows, reads }, options);
        part.forEach((wanted, row) => {
          found.#sources.set(keyOf(wanted), Float32Array.from(floatsOf(results[row])));
        });
        done(part.length * (site.layer + 1));
      }
      return found;
    } catch (error) {
      found.dispose();
      throw error;
    }
  }

  /** Where rows fork: at what they change, unless every position sees every other. */
  #first(position: number): number {
    return this.#isCausal ? position : 0;
  }

  /**
   * Rows in which the intervention acts: those of before first, then one for each example.
   * @returns the rows, and the place of the first that acts
   */
  rows(
    examples: readonly ResolvedExample[],
    fragment: Fragment,
  ): { readonly rows: readonly Row[]; readonly first: number } {
    const { site, fork } = wayOf(this.#site, this.#layerCount);
    const parents = new Map<string, number>();
    const kept: Row[] = [];
    const forks = examples.map((example): Row => {
      const at = example.places[this.#place] ?? { base: 0, source: 0 };
      const base = keyOf({ tokens: example.base, position: at.base });
      const start = this.#bases.get(base);
      const data = this.#sources.get(keyOf({ tokens: example.source, position: at.source }));
      if (!start || !data) throw new Error('The prompts of an example were not run.');
      const parent = parents.get(base) ?? kept.length;
      if (!parents.has(base)) kept.push({ start: { kind: 'kept', kept: start }, edits: [] });
      parents.set(base, parent);
      const edit: Edit = {
        site,
        location: { positions: [at.base] },
        fragment,
        source: { kind: 'tensor', data },
      };
      return { start: { kind: 'fork', parent, layer: fork, position: this.#first(at.base) }, edits: [edit] };
    });
    return { rows: [...kept, ...forks], first: kept.length };
  }

  dispose(): void {
    for (const kept of this.#kept.splice(0)) kept.dispose();
  }
}

/**
 * What the model predicts after prompts, each distinct one run once.
 * @returns ids, one for each prompt
 */
export async function predictions(
  model: Model,
  prompts: readonly (readonly number[])[],
  { signal, done }: Work,
): Promise<readonly number[]> {
  const found = new Map<string, number>();
  const once = distinct(prompts.map((tokens) => ({ tokens, position: 0 })));
  for (const part of inParts(once, rowsTogether)) {
    const rows = part.map(({ tokens }) => promptRow(tokens));
    const reads = part.map(({ tokens }, row) => readPrediction(row, tokens.length, bestToken));
    const results = await model.run({ rows, reads }, signal ? { signal } : {});
    part.forEach(({ tokens }, row) => {
      found.set(tokens.join(' '), results[row]?.id?.data[0] ?? -1);
    });
    done(part.length * model.architecture.layerCount);
  }
  return prompts.map((tokens) => found.get(tokens.join(' ')) ?? -1);
}
