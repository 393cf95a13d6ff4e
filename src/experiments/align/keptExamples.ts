// What of the examples does not change while a site is trained: the states of the bases where their rows fork, and what
// the sources have at the site. It is computed once for each distinct prompt and kept, as far as there is room: the bases
// that find none are run again whenever they are needed.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Model } from '../../runtime/model.ts';
import type { Edit, Fragment } from '../../runtime/plan/plan.ts';
import { type Base, baseAt, baseBytes, forkOf, forkPosition, KeptBases, wayOf } from '../keptBases.ts';
import { floatsOf, runRow } from '../planRuns.ts';
import { positionCount, type ResolvedPrompt } from '../resolvedPrompt.ts';
import { partsTogether, type Work } from '../rowParts.ts';
import { enteringBytes, type Fork, layersAfter, layersOfPrompt, layersUpTo } from '../stackLayers.ts';
import { forced } from '../teacherForcing.ts';
import type { ResolvedAlign } from './resolve.ts';
import type { ResolvedExample } from './resolveExamples.ts';
import { positionKey } from './sitePosition.ts';
import { type AlignSite, partsOf, type SitePart } from './sites.ts';

interface Wanted {
  readonly prompt: ResolvedPrompt;
  /** In the order in which their vectors are joined. */
  readonly positions: readonly number[];
  readonly key: string;
}

const wanted = (prompt: ResolvedPrompt, positions: readonly number[]): Wanted => ({
  prompt,
  positions,
  key: `${positions.join(',')} ${prompt.key}`,
});

/** Each prompt and position once, in the order in which they come. */
function distinct(all: readonly Wanted[]): readonly Wanted[] {
  return [...new Map(all.map((each) => [each.key, each])).values()];
}

/** @param parts the interventions that are trained together: all of their positions are edited */
const wantedBase = (parts: readonly SitePart[], example: ResolvedExample): Wanted =>
  wanted(
    forced(example.base, example.label),
    parts.flatMap(({ placeOf }) => placeOf(example).base),
  );

const wantedSource = ({ placeOf, sourceOf }: SitePart, example: ResolvedExample): Wanted =>
  wanted(sourceOf(example), placeOf(example).source);

/** Where rows fork that are edited at all parts. */
export const forkOfParts = (architecture: Architecture, parts: readonly SitePart[]): Fork =>
  forkOf(
    architecture,
    parts.map(({ site }) => site),
  );

/** What a site needs of the prompts of its examples. Lists are shared by the layers of a position. */
export interface SitePrompts {
  readonly bases: readonly Wanted[];
  /** How many of the bases, from the first on, find room. */
  readonly keptCount: number;
  /** Bytes that all of them would take. */
  readonly neededBytes: number;
  /** By intervention. */
  readonly sources: readonly (readonly Wanted[])[];
  /** Examples to train with, and to test, whose base finds no room. */
  readonly unkept: { readonly train: number; readonly test: number };
}

/** The distinct prompts of a position, whatever the layer. */
interface PositionPrompts {
  readonly bases: readonly Wanted[];
  readonly sources: readonly (readonly Wanted[])[];
  /** By the key of its base, how many examples to train with, and to test, there are. */
  readonly uses: ReadonlyMap<string, { readonly train: number; readonly test: number }>;
}

function promptsAt(align: ResolvedAlign, site: AlignSite): PositionPrompts {
  const { train, test } = align;
  const parts = partsOf(align, site);
  const all = [...train, ...test];
  const basesOf = (examples: typeof train) => examples.map((example) => wantedBase(parts, example));
  const own = { train: basesOf(train), test: basesOf(test) };
  const uses = new Map<string, { train: number; test: number }>();
  for (const part of ['train', 'test'] as const)
    for (const { key } of own[part]) {
      const known = uses.get(key) ?? { train: 0, test: 0 };
      known[part] += 1;
      uses.set(key, known);
    }
  return {
    bases: distinct([...own.train, ...own.test]),
    sources: parts.map((part) => distinct(all.map((example) => wantedSource(part, example)))),
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
  const known = new Map<string, PositionPrompts>();
  return align.sites.map((site) => {
    const key = positionKey(site.position);
    const prompts = known.get(key) ?? promptsAt(align, site);
    known.set(key, prompts);
    const { bases, sources, uses } = prompts;
    const fork = forkOfParts(architecture, partsOf(align, site));
    const unkept = { train: 0, test: 0 };
    let neededBytes = 0;
    let keptCount = 0;
    for (const base of bases) {
      neededBytes += baseBytes(architecture, baseOf(architecture, base, fork), fork.layer);
      if (neededBytes <= roomBytes) {
        keptCount += 1;
        continue;
      }
      const { train, test } = uses.get(base.key) ?? unkept;
      unkept.train += train;
      unkept.test += test;
    }
    return { bases, keptCount, neededBytes, sources, unkept };
  });
}

const baseOf = (architecture: Architecture, { prompt, positions }: Wanted, { stack }: Fork): Base =>
  baseAt(prompt, forkPosition(architecture, positions, stack));

/** What of an example stays as it is while a site is trained. */
interface PlacedExample {
  readonly base: Base;
  /** By intervention, without what it does. */
  readonly edits: readonly Omit<Edit, 'fragment'>[];
}

export class KeptExamples {
  readonly #architecture: Architecture;
  readonly #parts: readonly SitePart[];
  readonly #fork: Fork;
  readonly #bases: KeptBases;
  /** By intervention. */
  readonly #sources: readonly Map<string, Float32Array>[];
  readonly #placed = new Map<ResolvedExample, PlacedExample>();

  private constructor(architecture: Architecture, parts: readonly SitePart[], fork: Fork, bases: KeptBases) {
    this.#bases = bases;
    this.#architecture = architecture;
    this.#fork = fork;
    this.#parts = parts;
    this.#sources = parts.map(() => new Map());
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
    const { architecture } = model;
    const parts = partsOf(align, site);
    const fork = forkOfParts(architecture, parts);
    const kept = bases.slice(0, keptCount).map((each) => baseOf(architecture, each, fork));
    const opened = await KeptBases.of(model, kept, fork.layer, work);
    const found = new KeptExamples(architecture, parts, fork, opened);
    try {
      for (const [at, part] of parts.entries())
        await found.#readSources(model, part, found.#sources[at] ?? new Map(), sources[at] ?? [], work);
      return found;
    } catch (error) {
      found.dispose();
      throw error;
    }
  }

  /** What prompts have at an intervention's site. */
  async #readSources(
    model: Model,
    { site: { component, layer, heads } }: SitePart,
    into: Map<string, Float32Array>,
    sources: readonly Wanted[],
    { signal, done }: Work,
  ): Promise<void> {
    for (const together of partsTogether(sources, ({ prompt }) => positionCount(prompt))) {
      const rows = together.map(({ prompt }) => runRow(prompt));
      const reads = together.map(({ positions }, row) => ({
        row,
        site: { component, layer },
        location: { positions, ...(heads ? { heads } : {}) },
      }));
      const results = await model.run({ rows, reads }, signal ? { signal } : {});
      together.forEach(({ key }, row) => {
        into.set(key, Float32Array.from(floatsOf(results[row])));
      });
      done(together.length * layersUpTo(this.#architecture, { component, layer }));
    }
  }

  #placedOf(example: ResolvedExample): PlacedExample {
    const known = this.#placed.get(example);
    if (known) return known;
    const made = {
      base: baseOf(this.#architecture, wantedBase(this.#parts, example), this.#fork),
      edits: this.#parts.map((part, at) => this.#editOf(example, at, part)),
    };
    this.#placed.set(example, made);
    return made;
  }

  /** Row-layers of running examples from the site on, `passes` times, and before it those that were not kept. */
  rowLayers(examples: readonly ResolvedExample[], passes: number): number {
    const unkept = examples.filter((example) => !this.#bases.has(this.#placedOf(example).base)).length;
    const after = layersAfter(this.#architecture, this.#fork);
    return examples.length * passes * after + unkept * layersOfPrompt(this.#architecture);
  }

  /** Bytes of the states with which an example enters the layers from the site on. */
  enteringBytes(example: ResolvedExample): number {
    const { prompt, position } = this.#placedOf(example).base;
    return enteringBytes(this.#architecture, prompt, this.#fork, position);
  }

  #editOf(example: ResolvedExample, at: number, part: SitePart): Omit<Edit, 'fragment'> {
    const { site } = wayOf(this.#architecture, part.site);
    const { heads } = part.site;
    const data = this.#sources[at]?.get(wantedSource(part, example).key);
    if (!data) throw new Error('The source of an example was not run.');
    return {
      site,
      location: { positions: part.placeOf(example).base, ...(heads ? { heads } : {}) },
      source: { kind: 'tensor', data },
    };
  }

  /**
   * Rows in which the interventions act: the previous ones first, then one for each example.
   * @param fragments of the interventions that are trained together
   * @returns the rows, and the place of the first that acts
   */
  rows(examples: readonly ResolvedExample[], fragments: readonly Fragment[]) {
    const forks = examples.map((example) => {
      const { base, edits } = this.#placedOf(example);
      return {
        base,
        edits: edits.flatMap((edit, at): readonly Edit[] => {
          const fragment = fragments[at];
          return fragment ? [{ ...edit, fragment }] : [];
        }),
      };
    });
    return this.#bases.rows(forks);
  }

  dispose(): void {
    this.#bases.dispose();
  }
}
