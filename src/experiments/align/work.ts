// An alignment as work for a model: from its experiment to the changes of its result, one site a unit. Where no model runs,
// `kind.ts` is enough.

import { readsMore } from '../../architectures/architecture.ts';
import type { Model } from '../../runtime/model.ts';
import { completed } from '../growth.ts';
import { keptRoom } from '../keptBases.ts';
import type { KindWork } from '../kind.ts';
import { ranOn } from '../resultParts.ts';
import { estimateAlign } from './estimate.ts';
import type { AlignExperiment } from './experiment.ts';
import { type AlignChange, alignGrowth, endNotices } from './growth.ts';
import { type ResolvedAlign, resolveAlignBreathing } from './resolve.ts';
import { type AlignResult, alignResultVersion, isSiteDone } from './result.ts';
import { type AlignUpdate, type RunAlignOptions, runAlign } from './run.ts';
import { positionText } from './sitePosition.ts';
import type { AlignSite } from './sites.ts';

/**
 * A result with its baselines and no site, but for the finished ones of an earlier run.
 * @param earlier a result of the same experiment
 */
function startAlign(
  model: Model,
  align: ResolvedAlign,
  { factual, majority, unedited, notices }: AlignUpdate & { readonly kind: 'baselines' },
  earlier?: AlignResult,
): AlignResult {
  const { learningRate } = align.experiment.training;
  const sites = align.sites.map((_, index) => {
    const known = earlier?.sites[index];
    return known && isSiteDone(known) ? known : null;
  });
  return {
    kind: 'align-result',
    version: readsMore(model.architecture) ? alignResultVersion : 1,
    experiment: align.experiment,
    ...ranOn(model),
    trainCount: align.train.length,
    testCount: align.test.length,
    width: align.width,
    layers: align.layers,
    positions: align.positions,
    factual,
    majority,
    unedited,
    sites,
    notices: [
      ...align.notices,
      ...notices,
      ...sites.flatMap((site) => (site ? endNotices(site, learningRate) : [])),
    ],
  };
}

export interface AlignOptions extends Omit<RunAlignOptions, 'isDone'> {
  /** A result of the same experiment: its finished sites are not trained again. */
  readonly earlier?: AlignResult;
  readonly leaveOut?: ReadonlySet<string>;
}

const unitOf = ({ layer, position }: AlignSite): string =>
  `layer ${layer}, position ${positionText(position)}`;

/** @throws the signal's reason when it is aborted, after what there was of the site in training */
async function* changes(
  model: Model,
  align: ResolvedAlign,
  { earlier, leaveOut, ...options }: AlignOptions,
): AsyncGenerator<AlignChange, void> {
  const isDone = (index: number) => {
    const site = align.sites[index];
    return isSiteDone(earlier?.sites[index]) || (site !== undefined && leaveOut?.has(unitOf(site)) === true);
  };
  for await (const update of runAlign(model, align, { ...options, isDone })) {
    if (update.kind !== 'baselines') yield update;
    else yield { kind: 'started', result: startAlign(model, align, update, earlier) };
  }
}

/**
 * The result, whenever it has grown: with each epoch, and with what there is when the run is aborted.
 * @throws the signal's reason after the last of them
 */
export async function* growAlign(
  model: Model,
  align: ResolvedAlign,
  options: AlignOptions = {},
): AsyncGenerator<AlignResult, void> {
  const growth = alignGrowth();
  for await (const change of changes(model, align, options)) {
    growth.take(change);
    const result = change.kind === 'step' ? undefined : growth.result;
    if (result) yield result;
  }
}

/** Run a resolved alignment to its end. */
export const completeAlign = (
  model: Model,
  align: ResolvedAlign,
  options: AlignOptions = {},
): Promise<AlignResult> => completed(changes(model, align, options), alignGrowth());

export const alignWork: KindWork<AlignExperiment, AlignResult, ResolvedAlign, AlignChange> = {
  resolve: resolveAlignBreathing,
  estimate: (architecture, align) => {
    const { rowLayers, tokenLayers, steps, prompts } = estimateAlign(align, architecture);
    return {
      count: align.sites.length,
      rowLayers,
      tokenLayers,
      steps,
      bytes: Math.max(0, ...prompts.map(({ neededBytes }) => Math.min(neededBytes, keptRoom(architecture)))),
      notices: align.notices,
      targets: [],
    };
  },
  units: (_, { sites }) => sites.map(unitOf),
  unitsDone: (_, { sites }, result) =>
    sites.filter((__, index) => isSiteDone(result.sites[index])).map(unitOf),
  run: (model, align, { textOf: _, ...options }) => changes(model, align, options),
};
