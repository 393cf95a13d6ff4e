// The result of an alignment as plain data: what was asked, on what it ran, what the model does by itself, and each site
// with its curves, accuracies and trained numbers. It can be written to a file, read back, and completed by a later run.

import * as v from 'valibot';
import type { Model } from '../../runtime/model.ts';
import { type Immutable, readVersioned, wholeNumber } from '../experimentFile.ts';
import type { Notice } from '../notice.ts';
import { alignExperimentSchema, positionSchema } from './experiment.ts';
import { numbersText } from './numbersText.ts';
import type { ResolvedAlign } from './resolve.ts';
import { type AlignUpdate, type RunAlignOptions, runAlign, type SiteEnd } from './run.ts';
import { type Numbers, trainableOf } from './trainable.ts';

export const alignResultVersion = 1;

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const numbers = v.array(v.number());

const siteSchema = v.pipe(
  v.strictObject({
    layer: wholeNumber,
    position: positionSchema,
    /** `begun` where a run was stopped in the middle: a later one begins it anew. */
    end: v.picklist(['begun', 'all-steps', 'early', 'loss', 'parameters']),
    /** One entry for each step. */
    steps: v.strictObject({
      loss: numbers,
      rate: numbers,
      temperature: v.optional(numbers),
      widthShare: v.optional(numbers),
    }),
    epochs: v.array(
      v.strictObject({
        step: wholeNumber,
        loss: v.number(),
        trainAccuracy: share,
        testAccuracy: share,
      }),
    ),
    /** Absent until the site has ended. Interchange intervention accuracies. */
    final: v.optional(
      v.strictObject({
        trainAccuracy: share,
        testAccuracy: share,
        controlAccuracy: share,
        boundary: v.optional(v.strictObject({ share: v.number(), dimensions: wholeNumber })),
        orthonormalGap: v.optional(v.number()),
      }),
    ),
    /** Trained parameters, by name, as they were last. */
    parameters: v.record(v.string(), v.strictObject({ shape: v.array(wholeNumber), base64: v.string() })),
  }),
  v.check(
    ({ steps: { loss, rate, temperature = loss, widthShare = loss } }) =>
      [rate, temperature, widthShare].every(({ length }) => length === loss.length),
    'Its curves must have one entry for each step',
  ),
);

export type SiteResult = Immutable<v.InferOutput<typeof siteSchema>>;

export const alignResultSchema = v.pipe(
  v.strictObject({
    kind: v.literal('align-result'),
    version: v.literal(alignResultVersion),
    experiment: alignExperimentSchema,
    model: v.strictObject({ label: v.string(), modelType: v.string(), parameterCount: v.number() }),
    backend: v.strictObject({ kind: v.picklist(['webgpu', 'wasm', 'node']), description: v.string() }),
    trainCount: wholeNumber,
    testCount: wholeNumber,
    /** Entries of a vector at the sites. */
    width: wholeNumber,
    layers: v.array(wholeNumber),
    positions: v.array(positionSchema),
    factual: v.nullable(v.strictObject({ right: wholeNumber, of: wholeNumber })),
    majority: v.strictObject({ label: v.string(), share }),
    unedited: share,
    /** [layer, position] row-major, null for a site that has not been begun. */
    sites: v.array(v.nullable(siteSchema)),
    notices: v.array(v.strictObject({ code: v.string(), text: v.string() })),
  }),
  v.check(
    ({ sites, layers, positions }) => sites.length === layers.length * positions.length,
    'There must be a site for each layer and position',
  ),
);

export type AlignResult = Immutable<v.InferOutput<typeof alignResultSchema>>;

/** @throws ExperimentError that names the first thing that is wrong */
export function readAlignResult(value: unknown): AlignResult {
  return readVersioned(alignResultSchema, value, 'align-result', alignResultVersion);
}

export const isSiteDone = (site: SiteResult | null | undefined): boolean =>
  site !== null && site !== undefined && site.end !== 'begun';

export const countAlignSites = ({ sites }: AlignResult) => ({
  done: sites.filter(isSiteDone).length,
  total: sites.length,
});

export const isAlignComplete = ({ sites }: AlignResult): boolean => sites.every(isSiteDone);

const divergence: Readonly<Record<Exclude<SiteEnd, 'all-steps' | 'early'>, string>> = {
  loss: 'the loss became no number',
  parameters: 'the parameters became no numbers, or the rotation no rotation',
};

function endNotice({ layer, position, end, steps }: SiteResult, learningRate: number): readonly Notice[] {
  if (end !== 'loss' && end !== 'parameters') return [];
  return [
    {
      code: 'training-stopped',
      text: `Layer ${layer}, position ${position}: after ${steps.loss.length} steps ${divergence[end]}, so training stopped there and the last good parameters were kept. Give a learning rate below ${learningRate}.`,
    },
  ];
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

class Growing {
  readonly #align: ResolvedAlign;
  readonly #shapes: Readonly<Record<string, readonly number[]>>;
  result: AlignResult;

  constructor(
    model: Model,
    align: ResolvedAlign,
    start: AlignUpdate & { kind: 'baselines' },
    earlier?: AlignResult,
  ) {
    const { architecture, backend } = model;
    const { factual, majority, unedited } = start;
    const { trained } = trainableOf(align.experiment, align.width);
    this.#align = align;
    this.#shapes = Object.fromEntries(Object.entries(trained).map(([name, { shape }]) => [name, shape]));
    this.result = {
      kind: 'align-result',
      version: alignResultVersion,
      experiment: align.experiment,
      model: { label: model.label, modelType: architecture.modelType, parameterCount: model.parameterCount },
      backend: { kind: backend.kind, description: backend.description },
      trainCount: align.train.length,
      testCount: align.test.length,
      width: align.width,
      layers: align.layers,
      positions: align.positions,
      factual,
      majority,
      unedited,
      sites: align.sites.map((_, index) => {
        const known = earlier?.sites[index];
        return known && isSiteDone(known) ? known : null;
      }),
      notices: [
        ...align.notices,
        ...(earlier?.sites ?? []).flatMap((site) =>
          site ? endNotice(site, align.experiment.training.learningRate) : [],
        ),
      ],
    };
  }

  #set(index: number, change: (site: SiteResult) => SiteResult): void {
    const { layer = 0, position = 0 } = this.#align.sites[index] ?? {};
    const fresh: SiteResult = {
      layer,
      position,
      end: 'begun',
      steps: { loss: [], rate: [] },
      epochs: [],
      parameters: {},
    };
    const sites = this.result.sites.map((site, at) => (at === index ? change(site ?? fresh) : site));
    this.result = { ...this.result, sites };
  }

  #texts(found: Numbers): SiteResult['parameters'] {
    return Object.fromEntries(
      Object.entries(found).map(([name, data]) => [
        name,
        numbersText(data, this.#shapes[name] ?? [data.length]),
      ]),
    );
  }

  /** @returns whether the result is worth showing again */
  take(update: Exclude<AlignUpdate, { kind: 'baselines' }>): boolean {
    switch (update.kind) {
      case 'begin':
        this.#set(update.site, (site) => site);
        return true;
      case 'step':
        this.#set(update.site, (site) => withStep(site, update));
        return false;
      case 'epoch': {
        const { step, loss, trainAccuracy, testAccuracy } = update;
        const epoch = { step, loss, trainAccuracy, testAccuracy };
        this.#set(update.site, (site) => ({ ...site, epochs: [...site.epochs, epoch] }));
        return true;
      }
      case 'end': {
        const { kind: _, site: index, end, numbers: trained, ...final } = update;
        this.#set(index, (site) => ({ ...site, end, final, parameters: this.#texts(trained) }));
        const site = this.result.sites[index];
        const { learningRate } = this.#align.experiment.training;
        const notices = site ? endNotice(site, learningRate) : [];
        this.result = { ...this.result, notices: [...this.result.notices, ...notices] };
        return true;
      }
      case 'cancelled':
        this.#set(update.site, (site) => ({ ...site, parameters: this.#texts(update.numbers) }));
        return true;
      default:
        return update satisfies never;
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
  let growing: Growing | undefined;
  const isDone = (site: number) => isSiteDone(earlier?.sites[site]);
  for await (const update of runAlign(model, align, { isDone, ...options })) {
    if (update.kind === 'baselines') growing = new Growing(model, align, update, earlier);
    else if (!growing?.take(update)) continue;
    yield growing.result;
  }
}
