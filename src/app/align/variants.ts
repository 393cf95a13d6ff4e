// Results of one task side by side: each type and rank of intervention is a variant, and of the same site trained more than
// once with it the best is kept.

import type { AlignExperiment } from '../../experiments/align/experiment.ts';
import { alignFigure } from '../../experiments/align/figure.ts';
import { type AlignResult, isSiteDone, type SiteResult } from '../../experiments/align/result.ts';
import { indexOfPosition, positionKey, type SitePosition } from '../../experiments/align/sitePosition.ts';
import { controlWords, positionWord } from '../../experiments/align/words.ts';
import type { CellAddress, HeatmapDescription, HeatmapPanel } from '../../figures/description.ts';
import { experimentKey } from '../experiment/key.ts';

/** A trained site, and the result that it is in. */
export interface SiteChoice {
  readonly result: AlignResult;
  /** In the result's sites. */
  readonly index: number;
  readonly site: SiteResult;
}

export interface Variant {
  readonly key: string;
  /** `rank 1`, `Boundless` */
  readonly name: string;
  /** By `placeKey`. */
  readonly sites: ReadonlyMap<string, SiteChoice>;
  readonly control: string;
}

export const placeKey = (layer: number, position: SitePosition): string =>
  `${layer} ${positionKey(position)}`;

/** What results must share to lie side by side: task, model, component and the heads whose vectors are joined. */
export function taskKey({ experiment, model }: AlignResult): string {
  const { site } = experiment;
  return JSON.stringify([
    experimentKey({
      ...experiment,
      ...{ training: null, intervention: null, seed: 0, site: site.component },
    }),
    site.heads ?? null,
    model.fingerprint ?? model.label,
  ]);
}

export function variantName({ intervention }: Pick<AlignExperiment, 'intervention'>): string {
  switch (intervention.type) {
    case 'LowRankRotated':
      return `rank ${intervention.rank}`;
    case 'Rotated':
      return `Rotated, ${intervention.dimensions} directions`;
    case 'BoundlessRotated':
      return `Boundless, penalty ${intervention.penalty}`;
    case 'SigmoidMask':
      return `Mask, penalty ${intervention.penalty}`;
    case 'SigmoidMaskRotated':
      return `Rotated mask, penalty ${intervention.penalty}`;
    default:
      return intervention satisfies never;
  }
}

const accuracyOf = ({ final, epochs }: SiteResult): number =>
  final?.testAccuracy ?? epochs.at(-1)?.testAccuracy ?? -1;
const lossOf = ({ epochs }: SiteResult): number => epochs.at(-1)?.loss ?? Number.POSITIVE_INFINITY;

/** Finished before begun, then the higher accuracy on the test part, then the lower loss. */
function isBetter(a: SiteChoice, b: SiteChoice): boolean {
  if (isSiteDone(a.site) !== isSiteDone(b.site)) return isSiteDone(a.site);
  const [own, other] = [accuracyOf(a.site), accuracyOf(b.site)];
  return own === other ? lossOf(a.site) < lossOf(b.site) : own > other;
}

/**
 * @param main the result that is shown; its variant comes first
 * @param earlier results of the page, the newest first: of each other type and rank the newest lies beside it
 * @param again sites that were trained again: each is held against the one of its type and rank
 */
export function variantsOf(
  main: AlignResult,
  earlier: readonly AlignResult[],
  again: readonly AlignResult[],
): readonly Variant[] {
  const task = taskKey(main);
  const found = new Map<string, { result: AlignResult; sites: Map<string, SiteChoice> }>();
  const isRetry = (result: AlignResult) => again.includes(result);
  for (const result of [main, ...earlier, ...again]) {
    if (taskKey(result) !== task) continue;
    const name = variantName(result.experiment);
    const known = found.get(name);
    // An earlier run of the same type and rank had other settings as a whole; it is not mixed into this one.
    if (known !== undefined && !isRetry(result)) continue;
    const variant = known ?? { result, sites: new Map<string, SiteChoice>() };
    found.set(name, variant);
    for (const [index, site] of result.sites.entries()) {
      if (site === null) continue;
      const key = placeKey(site.layer, site.position);
      const choice = { result, index, site };
      const before = variant.sites.get(key);
      if (before === undefined || isBetter(choice, before)) variant.sites.set(key, choice);
    }
  }
  return [...found].map(([name, { result, sites }]) => ({
    key: name,
    name,
    sites,
    control: controlWords(result.experiment).name,
  }));
}

/** The site in training: begun, and not ended. */
export function activeSite({ sites }: AlignResult): SiteChoice['site'] | null {
  return sites.findLast((site) => site !== null && !isSiteDone(site)) ?? null;
}

/**
 * The map: for each variant the accuracy on the test part and that of its control, by layer and position. A site in training
 * has that of its latest epoch.
 * @param isRunning whether the site that is begun is being trained now
 */
export function mapOf(
  main: AlignResult,
  variants: readonly Variant[],
  isRunning: boolean,
): HeatmapDescription {
  const base = alignFigure(main);
  const { layers, positions } = main;
  const values = (pick: (site: SiteResult) => number | undefined, variant: Variant) =>
    positions.map((position) =>
      layers.map((layer) => {
        const found = variant.sites.get(placeKey(layer, position));
        return found && pick(found.site);
      }),
    );
  const panels = variants.flatMap((variant): readonly HeatmapPanel[] => {
    const of = variants.length > 1 ? `, ${variant.name}` : '';
    const shared = { colours: 'viridis', axisTitle: 'layer' } as const;
    return [
      {
        ...shared,
        title: `Test IIA${of}`,
        values: values(({ final, epochs }) => final?.testAccuracy ?? epochs.at(-1)?.testAccuracy, variant),
      },
      {
        ...shared,
        title: `Control${of}: ${variant.control}`,
        values: values(({ final }) => final?.controlAccuracy, variant),
      },
    ];
  });
  const active = isRunning ? activeSite(main) : null;
  return {
    ...base,
    panels,
    references: [
      { name: 'majority', value: main.majority.share },
      { name: 'no intervention', value: main.unedited },
    ],
    ...(active === null
      ? {}
      : {
          active: {
            panel: 0,
            location: indexOfPosition(positions, active.position),
            layer: layers.indexOf(active.layer),
          },
        }),
  };
}

/** The site of a cell of the map. */
export function siteAt(
  main: AlignResult,
  variants: readonly Variant[],
  { panel, location, layer }: CellAddress,
): SiteChoice | null {
  const position = main.positions[location];
  const number = main.layers[layer];
  if (position === undefined || number === undefined) return null;
  return variants[Math.floor(panel / 2)]?.sites.get(placeKey(number, position)) ?? null;
}

/** The best site of the variant that is shown first. */
export function bestChoice(variants: readonly Variant[]): SiteChoice | null {
  const [first] = variants;
  return [...(first?.sites.values() ?? [])].reduce<SiteChoice | null>(
    (best, choice) => (best === null || isBetter(choice, best) ? choice : best),
    null,
  );
}

export const choiceWords = ({ result, site }: SiteChoice): string =>
  `layer ${site.layer} at ${positionWord(site.position)}, ${variantName(result.experiment)}`;
