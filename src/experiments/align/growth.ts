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

/** A site in training, to which steps are added where it stands: a long training has many. */
interface OpenSite {
  readonly index: number;
  readonly steps: { loss: number[]; rate: number[]; temperature: number[]; widthShare: number[] };
  readonly epochs: SiteResult['epochs'][number][];
  site: SiteResult;
}

const openSite = (index: number, site: SiteResult): OpenSite => ({
  index,
  site,
  epochs: [...site.epochs],
  steps: {
    loss: [...site.steps.loss],
    rate: [...site.steps.rate],
    temperature: [...(site.steps.temperature ?? [])],
    widthShare: [...(site.steps.widthShare ?? [])],
  },
});

/** The arrays that have an entry for each step; those of other types stay empty and are left out. */
function curvesOf({ loss, rate, temperature, widthShare }: OpenSite['steps']): SiteResult['steps'] {
  return {
    loss: [...loss],
    rate: [...rate],
    ...(temperature.length > 0 ? { temperature: [...temperature] } : {}),
    ...(widthShare.length > 0 ? { widthShare: [...widthShare] } : {}),
  };
}

function withNumbers(site: SiteResult, numbers: Numbers): SiteResult {
  const parameters = Object.entries(numbers).map(([name, data]) => {
    const shape = site.parameters[name]?.shape ?? [data.length];
    return [name, numbersText(data, shape)] as const;
  });
  return { ...site, parameters: Object.fromEntries(parameters) };
}

/** A result that grows. */
export class AlignGrowth {
  #result: AlignResult;
  #open: OpenSite | undefined;

  /** @param start what `startAlignResult` made, here or on the other side */
  constructor(start: AlignResult) {
    this.#result = start;
  }

  /** As it is now, to keep: what comes later does not change it. */
  get result(): AlignResult {
    this.#close();
    return this.#result;
  }

  /** Put what the open site has into the result. */
  #close(): void {
    const open = this.#open;
    if (!open) return;
    const site = { ...open.site, steps: curvesOf(open.steps), epochs: [...open.epochs] };
    const sites = this.#result.sites.map((other, at) => (at === open.index ? site : other));
    this.#result = { ...this.#result, sites };
  }

  #fresh(index: number): SiteResult {
    const { layers, positions } = this.#result;
    return {
      layer: layers[Math.floor(index / positions.length)] ?? 0,
      position: positions[index % positions.length] ?? 0,
      end: 'begun',
      steps: { loss: [], rate: [] },
      epochs: [],
      parameters: {},
    };
  }

  #at(index: number): OpenSite {
    if (this.#open?.index === index) return this.#open;
    this.#close();
    this.#open = openSite(index, this.#result.sites[index] ?? this.#fresh(index));
    return this.#open;
  }

  /** Put an update in. The site that begins is open until another begins; one that begins again is emptied. */
  take(update: SiteUpdate): void {
    const open = this.#at(update.site);
    switch (update.kind) {
      case 'begin': {
        const initial = Object.entries(update.initial).map(
          ([name, { data, shape }]) => [name, numbersText(data, shape)] as const,
        );
        const parameters = Object.fromEntries(initial);
        this.#open = openSite(update.site, { ...this.#fresh(update.site), parameters });
        return;
      }
      case 'step': {
        const { loss, rate, temperature, widthShare } = update;
        open.steps.loss.push(loss);
        open.steps.rate.push(rate);
        if (temperature !== undefined) open.steps.temperature.push(temperature);
        if (widthShare !== undefined) open.steps.widthShare.push(widthShare);
        return;
      }
      case 'epoch': {
        const { step, loss, trainAccuracy, testAccuracy } = update;
        open.epochs.push({ step, loss, trainAccuracy, testAccuracy });
        return;
      }
      case 'end': {
        const { kind: _, site: __, end, numbers, ...final } = update;
        open.site = { ...withNumbers(open.site, numbers), end, final };
        this.#close();
        const site = this.#result.sites[update.site];
        const { learningRate } = this.#result.experiment.training;
        const notices = site ? endNotices(site, learningRate) : [];
        this.#result = { ...this.#result, notices: [...this.#result.notices, ...notices] };
        return;
      }
      case 'cancelled':
        open.site = withNumbers(open.site, update.numbers);
        return;
      default:
        update satisfies never;
    }
  }
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
  let growth: AlignGrowth | undefined;
  const isDone = (site: number) => isSiteDone(earlier?.sites[site]);
  for await (const update of runAlign(model, align, { isDone, ...options })) {
    if (update.kind === 'baselines') {
      growth = new AlignGrowth(startAlignResult(model, align, update, earlier));
    } else growth?.take(update);
    if (growth && update.kind !== 'step') yield growth.result;
  }
}

/** Run a resolved alignment to its end. */
export async function completeAlign(
  model: Model,
  align: ResolvedAlign,
  options: GrowAlignOptions = {},
): Promise<AlignResult> {
  let result: AlignResult | undefined;
  for await (const grown of growAlign(model, align, options)) result = grown;
  if (!result) throw new Error('An alignment ended without a result.');
  return result;
}
