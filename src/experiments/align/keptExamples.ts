// What of the examples does not change while a site is trained: the states of the bases where their rows fork, and what
// the sources have at the site. It is computed once for each distinct prompt and kept, as far as there is room: the bases
// that find none are run again whenever they are needed.

import type { Architecture } from '../../architectures/architecture.ts';
import { keptBytes } from '../../runtime/forward/kept.ts';
import type { Kept, Model } from '../../runtime/model.ts';
import type { KeptRow } from '../../runtime/plan/keptRow.ts';
import type { Edit, Fragment, Row } from '../../runtime/plan/plan.ts';
import { floatsOf, promptRow } from '../planRuns.ts';
import { partsTogether, type Work } from '../rowParts.ts';
import { forced } from '../teacherForcing.ts';
import type { AlignSite, ResolvedAlign } from './resolve.ts';
import type { ResolvedExample } from './resolveExamples.ts';
import { indexOfPosition, positionKey, type SitePosition } from './sitePosition.ts';

/** Bytes that states kept between steps take at most, unless another bound is given. */
export const defaultKeptBytes = 512 * 2 ** 20;

interface Wanted {
  readonly tokens: readonly number[];
  /** In the order in which their vectors are joined. */
  readonly positions: readonly number[];
}

const keyOf = ({ tokens, positions }: Wanted): string => `${positions.join(',')} ${tokens.join(' ')}`;

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

/** Where rows fork: at what they change, unless every position sees every other. */
const firstOf = ({ isCausal }: Architecture, positions: readonly number[]): number =>
  isCausal ? Math.min(...positions) : 0;

const wantedBase = (example: ResolvedExample, place: number): Wanted => ({
  tokens: forced(example.base, example.label),
  positions: example.places[place]?.base ?? [],
});

const wantedSource = (example: ResolvedExample, place: number): Wanted => ({
  tokens: example.source,
  positions: example.places[place]?.source ?? [],
});

/** What a site needs of the prompts of its examples. Lists are shared by the layers of a position. */
export interface SitePrompts {
  readonly bases: readonly Wanted[];
  /** How many of the bases, from the first on, find room. */
  readonly keptCount: number;
  /** Bytes that all of them would take. */
  readonly neededBytes: number;
  readonly sources: readonly Wanted[];
  /** Examples to train with, and to test, whose base finds no room. */
  readonly unkept: { readonly train: number; readonly test: number };
}

/** The distinct prompts of a position, whatever the layer. */
interface PositionPrompts {
  readonly bases: readonly Wanted[];
  readonly sources: readonly Wanted[];
  /** By `keyOf` of its base, how many examples to train with, and to test, there are. */
  readonly uses: ReadonlyMap<string, { readonly train: number; readonly test: number }>;
}

function promptsAt(align: ResolvedAlign, position: SitePosition): PositionPrompts {
  const { train, test } = align;
  const place = indexOfPosition(align.positions, position);
  const all = [...train, ...test];
  const uses = new Map<string, { train: number; test: number }>();
  for (const [part, examples] of [
    ['train', train],
    ['test', test],
  ] as const)
    for (const base of examples.map((example) => wantedBase(example, place))) {
      const key = keyOf(base);
      const known = uses.get(key) ?? { train: 0, test: 0 };
      known[part] += 1;
      uses.set(key, known);
    }
  return {
    bases: distinct(all.map((example) => wantedBase(example, place))),
    sources: distinct(all.map((example) => wantedSource(example, place))),
    uses,
  };
}

/**
 * What each site needs.
 * @param roomBytes that kept states may take
 */
export function promptsOf(
  architecture: Architecture,
  align: ResolvedAlign,
  roomBytes: number,
): readonly SitePrompts[] {
  const known = new Map(
    align.positions.map((position) => [positionKey(position), promptsAt(align, position)]),
  );
  return align.sites.map((site) => {
    const { bases, sources, uses } = known.get(positionKey(site.position)) ?? promptsAt(align, site.position);
    const { fork } = wayOf(site, architecture.layerCount);
    const unkept = { train: 0, test: 0 };
    let neededBytes = 0;
    let keptCount = 0;
    for (const base of bases) {
      const position = firstOf(architecture, base.positions);
      neededBytes += keptBytes(architecture, { layer: fork, length: base.tokens.length, position });
      if (neededBytes <= roomBytes) {
        keptCount += 1;
        continue;
      }
      const { train, test } = uses.get(keyOf(base)) ?? unkept;
      unkept.train += train;
      unkept.test += test;
    }
    return { bases, keptCount, neededBytes, sources, unkept };
  });
}

export class KeptExamples {
  readonly #architecture: Architecture;
  readonly #site: AlignSite;
  readonly #place: number;
  readonly #kept: Kept[] = [];
  readonly #bases = new Map<string, KeptRow>();
  readonly #sources = new Map<string, Float32Array>();

  private constructor({ architecture }: Model, site: AlignSite, place: number) {
    this.#architecture = architecture;
    this.#site = site;
    this.#place = place;
  }

  /**
   * Run all prompts of a site once.
   * @param prompts what `promptsOf` says of this site
   * @throws the signal's reason, with nothing left behind
   */
  static async of(
    model: Model,
    align: ResolvedAlign,
    site: AlignSite,
    { bases, keptCount, sources }: SitePrompts,
    { signal, done }: Work,
  ): Promise<KeptExamples> {
    const { architecture } = model;
    const found = new KeptExamples(model, site, indexOfPosition(align.positions, site.position));
    const options = signal ? { signal } : {};
    const { fork } = wayOf(site, architecture.layerCount);
    const { component, layer, heads } = site;
    const lengthOf = ({ tokens }: Wanted) => tokens.length;
    try {
      for (const part of partsTogether(bases.slice(0, keptCount), lengthOf)) {
        const positions = new Map(part.map(({ positions: at }, row) => [row, firstOf(architecture, at)]));
        const plan = { rows: part.map(({ tokens }) => promptRow(tokens)), reads: [] };
        const kept = await model.keep(plan, { layer: fork, positions }, options);
        found.#kept.push(kept);
        for (const [row, each] of kept.rows) {
          const wanted = part[row];
          if (wanted) found.#bases.set(keyOf(wanted), each);
        }
        done(part.length * architecture.layerCount);
      }
      for (const part of partsTogether(sources, lengthOf)) {
        const rows = part.map(({ tokens }) => promptRow(tokens));
        const reads = part.map(({ positions }, row) => ({
          row,
          site: { component, layer },
          location: { positions, ...(heads ? { heads } : {}) },
        }));
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

  #baseOf(example: ResolvedExample): string {
    return keyOf(wantedBase(example, this.#place));
  }

  /** Row-layers of running examples from the site on, `passes` times, and before it those that were not kept. */
  rowLayers(examples: readonly ResolvedExample[], passes: number): number {
    const { layerCount } = this.#architecture;
    const unkept = examples.filter((example) => !this.#bases.has(this.#baseOf(example))).length;
    return examples.length * passes * wayOf(this.#site, layerCount).layersAfter + unkept * layerCount;
  }

  /**
   * Rows in which the intervention acts: the previous ones first, then one for each example.
   * @returns the rows, and the place of the first that acts
   */
  rows(
    examples: readonly ResolvedExample[],
    fragment: Fragment,
  ): { readonly rows: readonly Row[]; readonly first: number } {
    const { site, fork } = wayOf(this.#site, this.#architecture.layerCount);
    const { heads } = this.#site;
    const parents = new Map<string, number>();
    const before: Row[] = [];
    const forks = examples.map((example): Row => {
      const { tokens, positions } = wantedBase(example, this.#place);
      const base = this.#baseOf(example);
      const data = this.#sources.get(keyOf(wantedSource(example, this.#place)));
      if (!data) throw new Error('The source of an example was not run.');
      const parent = parents.get(base) ?? before.length;
      if (!parents.has(base)) {
        const kept = this.#bases.get(base);
        before.push(kept ? { start: { kind: 'kept', kept }, edits: [] } : promptRow(tokens));
      }
      parents.set(base, parent);
      const edit: Edit = {
        site,
        location: { positions, ...(heads ? { heads } : {}) },
        fragment,
        source: { kind: 'tensor', data },
      };
      const position = firstOf(this.#architecture, positions);
      return { start: { kind: 'fork', parent, layer: fork, position }, edits: [edit] };
    });
    return { rows: [...before, ...forks], first: before.length };
  }

  dispose(): void {
    for (const kept of this.#kept.splice(0)) kept.dispose();
  }
}
