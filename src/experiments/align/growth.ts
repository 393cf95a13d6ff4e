// How the result of an alignment grows, update by update, into plain data: the same on the side that trains and on the
// side that watches, which may be another thread.

import type { Growth } from '../kind.ts';
import type { Notice } from '../notice.ts';
import { numbersText } from './numbersText.ts';
import type { AlignResult, SiteResult } from './result.ts';
import type { AlignUpdate, SiteEnd } from './run.ts';
import { positionText } from './sitePosition.ts';
import type { Numbers } from './trainable.ts';

/** What changes a result: first it is begun. */
export type AlignChange = { readonly kind: 'started'; readonly result: AlignResult } | SiteUpdate;

/** What changes a result that was begun. */
export type SiteUpdate = Exclude<AlignUpdate, { kind: 'baselines' }>;

const divergence: Readonly<Record<Exclude<SiteEnd, 'all-steps' | 'early'>, string>> = {
  loss: 'the loss became NaN or infinite',
  parameters: 'the parameters became NaN or infinite, or the rotation was no longer orthonormal',
};

export function endNotices(
  { layer, position, end, steps }: SiteResult,
  learningRate: number,
): readonly Notice[] {
  if (end !== 'loss' && end !== 'parameters') return [];
  return [
    {
      code: 'training-stopped',
      text: `Layer ${layer}, position ${positionText(position)}: after ${steps.loss.length} steps ${divergence[end]}, so training stopped there and the last good parameters were kept. Give a learning rate below ${learningRate}.`,
    },
  ];
}

/** A site in training, to which steps are added where it stands: a long training has many. */
interface OpenSite {
  readonly index: number;
  readonly steps: { loss: number[]; rate: number[]; temperature: number[]; widthShare: number[] };
  readonly epochs: SiteResult['epochs'][number][];
  site: SiteResult;
  /** Parameters as they were handed over last: text is made of them when the result is asked for. */
  numbers: Numbers | undefined;
}

const openSite = (index: number, site: SiteResult): OpenSite => ({
  index,
  site,
  numbers: undefined,
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

/** A result that grows, once it was begun. */
class AlignGrowth {
  #result: AlignResult;
  #open: OpenSite | undefined;

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
    if (open.numbers) open.site = withNumbers(open.site, open.numbers);
    open.numbers = undefined;
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
        if (update.numbers) open.numbers = update.numbers;
        open.steps.loss.push(loss);
        open.steps.rate.push(rate);
        if (temperature !== undefined) open.steps.temperature.push(temperature);
        if (widthShare !== undefined) open.steps.widthShare.push(widthShare);
        return;
      }
      case 'epoch': {
        const { step, loss, trainAccuracy, testAccuracy } = update;
        open.numbers = update.numbers;
        open.epochs.push({ step, loss, trainAccuracy, testAccuracy });
        return;
      }
      case 'end': {
        const { kind: _, site: __, end, numbers, ...final } = update;
        open.numbers = numbers;
        open.site = { ...open.site, end, final };
        this.#close();
        const site = this.#result.sites[update.site];
        const { learningRate } = this.#result.experiment.training;
        const notices = site ? endNotices(site, learningRate) : [];
        this.#result = { ...this.#result, notices: [...this.#result.notices, ...notices] };
        return;
      }
      case 'cancelled':
        open.numbers = update.numbers;
        return;
      default:
        update satisfies never;
    }
  }
}

export function alignGrowth(): Growth<AlignResult, AlignChange> {
  let growth: AlignGrowth | undefined;
  return {
    get result() {
      return growth?.result;
    },
    take: (change) => {
      if (change.kind === 'started') growth = new AlignGrowth(change.result);
      else growth?.take(change);
    },
  };
}
