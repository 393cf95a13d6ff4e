// How the result of an alignment grows, update by update, into plain data: the same on the side that trains and on the
// side that watches, which may be another thread.

import type { Model } from '../../runtime/model.ts';
import type { Notice } from '../notice.ts';
import { numbersText } from './numbersText.ts';
import type { ResolvedAlign } from './resolve.ts';
import { type AlignResult, alignResultVersion, isSiteDone, type SiteResult } from './result.ts';
import { type AlignUpdate, type RunAlignOptions, runAlign, type SiteEnd } from './run.ts';
import type { Numbers } from './trainable.ts';

/** What changes a result that was begun. */
export type SiteUpdate = Exclude<AlignUpdate, { kind: 'baselines' }>;

const divergence: Readonly<Record<Exclude<SiteEnd, 'all-steps' | 'early'>, string>> = {
  loss: 'the loss became no number',
  parameters: 'the parameters became no numbers, or the rotation no rotation',
};

function endNotices({ layer, position, end, steps }: SiteResult, learningRate: number): readonly Notice[] {
  if (end !== 'loss' && end !== 'parameters') return [];
  return [
    {
      code: 'training-stopped',
      text: `Layer ${layer}, position ${position}: after ${steps.loss.length} steps ${divergence[end]}, so training stopped there and the last good parameters were kept. Give a learning rate below ${learningRate}.`,
    },
  ];
}

/**
 * A result with its baselines and no site, but for the finished ones of an earlier run.
 * @param earlier a result of the same experiment
 */
export function startAlignResult(
  { architecture, backend, label, parameterCount }: Model,
  align: ResolvedAlign,
  { factual, majority, unedited, notices }: AlignUpdate & { kind: 'baselines' },
  earlier?: AlignResult,
): AlignResult {
  const { learningRate } = align.experiment.training;
  const sites = align.sites.map((_, index) => {
    const known = earlier?.sites[index];
    return known && isSiteDone(known) ? known : null;
  });
  return {
    kind: 'align-result',
    version: alignResultVersion,
    experiment: align.experiment,
    model: { label, modelType: architecture.modelType, parameterCount },
    backend: { kind: backend.kind, description: backend.description },
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

const joined = (list: readonly number[] | undefined, value: number | undefined) =>
  value === undefined ? undefined : [...(list ?? []), value];

/** A site with one more step. */
function withStep(
  { steps, ...site }: SiteResult,
  { loss, rate, temperature, widthShare }: AlignUpdate & { kind: 'step' },
): SiteResult {
  const temperatures = joined(steps.temperature, temperature);
  const shares = joined(steps.widthShare, widthShare);
  return {
    ...site,
    steps: {
      loss: [...steps.loss, loss],
      rate: [...steps.rate, rate],
      ...(temperatures ? { temperature: temperatures } : {}),
      ...(shares ? { widthShare: shares } : {}),
    },
  };
}

function withNumbers(site: SiteResult, numbers: Numbers): SiteResult {
  const parameters = Object.entries(numbers).map(([name, data]) => {
    const shape = site.parameters[name]?.shape ?? [data.length];
    return [name, numbersText(data, shape)] as const;
  });
  return { ...site, parameters: Object.fromEntries(parameters) };
}

function changed(site: SiteResult, update: SiteUpdate): SiteResult {
  switch (update.kind) {
    case 'begin': {
      const initial = Object.entries(update.initial).map(
        ([name, { data, shape }]) => [name, numbersText(data, shape)] as const,
      );
      const { layer, position } = site;
      const parameters = Object.fromEntries(initial);
      return { layer, position, end: 'begun', steps: { loss: [], rate: [] }, epochs: [], parameters };
    }
    case 'step':
      return withStep(site, update);
    case 'epoch': {
      const { step, loss, trainAccuracy, testAccuracy } = update;
      return { ...site, epochs: [...site.epochs, { step, loss, trainAccuracy, testAccuracy }] };
    }
    case 'end': {
      const { kind: _, site: __, end, numbers, ...final } = update;
      return { ...withNumbers(site, numbers), end, final };
    }
    case 'cancelled':
      return withNumbers(site, update.numbers);
    default:
      return update satisfies never;
  }
}

/** The result after an update; the one before is left as it is. */
export function withUpdate(result: AlignResult, update: SiteUpdate): AlignResult {
  const { layers, positions } = result;
  const fresh: SiteResult = {
    layer: layers[Math.floor(update.site / positions.length)] ?? 0,
    position: positions[update.site % positions.length] ?? 0,
    end: 'begun',
    steps: { loss: [], rate: [] },
    epochs: [],
    parameters: {},
  };
  const site = changed(result.sites[update.site] ?? fresh, update);
  const { learningRate } = result.experiment.training;
  return {
    ...result,
    sites: result.sites.map((other, at) => (at === update.site ? site : other)),
    notices: update.kind === 'end' ? [...result.notices, ...endNotices(site, learningRate)] : result.notices,
  };
}

export interface GrowAlignOptions extends RunAlignOptions {
  /** A result of the same experiment: its finished sites are not trained again. */
  readonly earlier?: AlignResult;
}

/**
 * The result, whenever it has grown: with each epoch, and with what there is when the run is aborted.
 * @throws the signal's reason after the last of them
 */
export async function* growAlign(
  model: Model,
  align: ResolvedAlign,
  { earlier, ...options }: GrowAlignOptions = {},
): AsyncGenerator<AlignResult, void> {
  let result: AlignResult | undefined;
  const isDone = (site: number) => isSiteDone(earlier?.sites[site]);
  for await (const update of runAlign(model, align, { isDone, ...options })) {
    if (update.kind === 'baselines') result = startAlignResult(model, align, update, earlier);
    else if (result) result = withUpdate(result, update);
    if (result && update.kind !== 'step') yield result;
  }
}
