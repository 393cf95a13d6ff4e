// What of the examples does not change while a site is trained: the states of the bases where their rows fork, and what
// the sources have at the site. It is computed once for each distinct prompt and kept, as far as there is room: the bases
// that find none are run again whenever they are needed.

import type { Architecture } from '../../architectures/architecture.ts';
import { keptBytes } from '../../runtime/forward/kept.ts';
import type { Model } from '../../runtime/model.ts';
import type { Edit, Fragment } from '../../runtime/plan/plan.ts';
import { type Base, forkPosition, KeptBases, wayOf } from '../keptBases.ts';
import { floatsOf, promptRow } from '../planRuns.ts';
import { partsTogether, type Work } from '../rowParts.ts';
import { forced } from '../teacherForcing.ts';
import type { AlignSite, ResolvedAlign } from './resolve.ts';
import type { ResolvedExample } from './resolveExamples.ts';
import { indexOfPosition, positionKey, type SitePosition } from './sitePosition.ts';

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
      const position = forkPosition(architecture, base.positions);
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

const baseOf = (architecture: Architecture, { tokens, positions }: Wanted): Base => ({
  tokens,
  position: forkPosition(architecture, positions),
});

export class KeptExamples {
  readonly #architecture: Architecture;
  readonly #site: AlignSite;
  readonly #place: number;
  readonly #bases: KeptBases;
  readonly #sources = new Map<string, Float32Array>();

  private constructor({ architecture }: Model, site: AlignSite, place: number, bases: KeptBases) {
    this.#bases = bases;
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
    work: Work,
  ): Promise<KeptExamples> {
    const { signal, done } = work;
    const { architecture } = model;
    const { fork } = wayOf(site, architecture.layerCount);
    const kept = bases.slice(0, keptCount).map((wanted) => baseOf(architecture, wanted));
    const found = new KeptExamples(
      model,
      site,
      indexOfPosition(align.positions, site.position),
      await KeptBases.of(model, kept, fork, work),
    );
    const { component, layer, heads } = site;
    try {
      for (const part of partsTogether(sources, ({ tokens }) => tokens.length)) {
        const rows = part.map(({ tokens }) => promptRow(tokens));
        const reads = part.map(({ positions }, row) => ({
          row,
          site: { component, layer },
          location: { positions, ...(heads ? { heads } : {}) },
        }));
        const results = await model.run({ rows, reads }, signal ? { signal } : {});
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

  #baseOf(example: ResolvedExample): Base {
    return baseOf(this.#architecture, wantedBase(example, this.#place));
  }

  /** Row-layers of running examples from the site on, `passes` times, and before it those that were not kept. */
  rowLayers(examples: readonly ResolvedExample[], passes: number): number {
    const { layerCount } = this.#architecture;
    const unkept = examples.filter((example) => !this.#bases.has(this.#baseOf(example))).length;
    return examples.length * passes * wayOf(this.#site, layerCount).layersAfter + unkept * layerCount;
  }

  /** Bytes of the states with which an example enters the layers from the site on. */
  enteringBytes(example: ResolvedExample): number {
    const { layerCount, width } = this.#architecture;
    const { tokens, position } = this.#baseOf(example);
    return 4 * width * (tokens.length - position) * (wayOf(this.#site, layerCount).layersAfter + 1);
  }

  /**
   * Rows in which the intervention acts: the previous ones first, then one for each example.
   * @returns the rows, and the place of the first that acts
   */
  rows(examples: readonly ResolvedExample[], fragment: Fragment) {
    const { site } = wayOf(this.#site, this.#architecture.layerCount);
    const { heads } = this.#site;
    const forks = examples.map((example) => {
      const { positions } = wantedBase(example, this.#place);
      const data = this.#sources.get(keyOf(wantedSource(example, this.#place)));
      if (!data) throw new Error('The source of an example was not run.');
      const edit: Edit = {
        site,
        location: { positions, ...(heads ? { heads } : {}) },
        fragment,
        source: { kind: 'tensor', data },
      };
      return { base: this.#baseOf(example), edits: [edit] };
    });
    return this.#bases.rows(forks);
  }

  dispose(): void {
    this.#bases.dispose();
  }
}
