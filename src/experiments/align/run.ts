// Runs an alignment: first what the model does by itself, then one site after another, step by step. Each site is handed
// over as it grows, so that whatever stops the run loses nothing.

import { orthonormalGap } from '../../autodiff/orthonormal.ts';
import type { Model } from '../../runtime/model.ts';
import { type AnswerTokens, isSameAnswer } from '../answers.ts';
import { keptRoom } from '../keptBases.ts';
import type { Notice } from '../notice.ts';
import type { RunOptions } from '../planRuns.ts';
import type { Work } from '../rowParts.ts';
import { continuesWith } from '../teacherForcing.ts';
import { estimateAlign, roomNotices } from './estimate.ts';
import { KeptExamples } from './keptExamples.ts';
import type { ResolvedAlign } from './resolve.ts';
import { interchanged, ownContinuations, type ResolvedExample } from './resolveExamples.ts';
import { partsOf } from './sites.ts';
import {
  type Divergence,
  interchangeAccuracy,
  type SiteContext,
  SiteTraining,
  type StepRecord,
} from './siteTraining.ts';
import {
  controlNumbers,
  hostParameters,
  interchangedDimensions,
  interchangedFraction,
  type Numbers,
  type Trained,
  trainableOf,
} from './trainable.ts';

/** What is known without an intervention. Shares are of 1. */
export interface AlignBaselines {
  /** Prompts that the model continues with their own label; null where no example gives one. */
  readonly factual: { readonly right: number; readonly of: number } | null;
  /** The label that most examples to train with have, and the share of the test that has it too. */
  readonly majority: { readonly label: string; readonly share: number };
  /** The share of the test whose base the model continues with the label, although nothing is done. */
  readonly unedited: number;
  /** What a person should know of the run. */
  readonly notices: readonly Notice[];
}

export interface EpochRecord {
  /** Steps made up to here. */
  readonly step: number;
  /** Mean over its steps. */
  readonly loss: number;
  readonly trainAccuracy: number;
  readonly testAccuracy: number;
}

export type SiteEnd = 'all-steps' | 'early' | Divergence;

export interface SiteSummary {
  readonly end: SiteEnd;
  readonly numbers: Numbers;
  readonly trainAccuracy: number;
  readonly testAccuracy: number;
  /** Of the test, with a random rotation in the place of the trained one. */
  readonly controlAccuracy: number;
  /** Of the types that learn how much to interchange. */
  readonly boundary?: { readonly share: number; readonly dimensions: number };
  /** The largest entry of |Wᵀ W - I|; only with rotations. */
  readonly orthonormalGap?: number;
}

export type AlignUpdate =
  | ({ readonly kind: 'baselines' } & AlignBaselines)
  /** A site is begun, from these parameters; again, where a run begins again. */
  | { readonly kind: 'begin'; readonly site: number; readonly initial: Trained }
  /** `numbers` are the parameters after the step. Large ones are handed over after every few steps. */
  | ({ readonly kind: 'step'; readonly site: number; readonly numbers?: Numbers } & StepRecord)
  | ({ readonly kind: 'epoch'; readonly site: number; readonly numbers: Numbers } & EpochRecord)
  | ({ readonly kind: 'end'; readonly site: number } & SiteSummary)
  /** The run was aborted in the middle of a site; the signal's reason follows. */
  | { readonly kind: 'cancelled'; readonly site: number; readonly numbers: Numbers };

export interface RunAlignOptions extends RunOptions {
  /** Sites that an earlier run has finished: they are not trained again. */
  readonly isDone?: (site: number) => boolean;
  /** Bytes that states kept between steps take at most; default 512 MiB. */
  readonly keptBytes?: number;
}

async function baselinesOf(
  model: Model,
  align: ResolvedAlign,
  work: Work,
): Promise<Omit<AlignBaselines, 'notices'>> {
  const { train, test } = align;
  const all = [...train, ...test];
  const own = ownContinuations(all);
  const unedited = test.map(interchanged);
  const says = await continuesWith(model, [...own, ...unedited], work);
  const counts = new Map<string, { readonly label: AnswerTokens; readonly count: number }>();
  for (const { label } of train) {
    const key = label.ids.join(' ');
    counts.set(key, { label, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  const [most] = [...counts.values()].toSorted((a, b) => b.count - a.count);
  const share = (isRight: (example: ResolvedExample, at: number) => boolean) =>
    test.filter(isRight).length / test.length;
  return {
    factual:
      own.length === 0 ? null : { right: own.filter((_, at) => says[at] === true).length, of: own.length },
    majority: {
      label: most?.label.text ?? '',
      share: share(({ label }) => most !== undefined && isSameAnswer(label, most.label)),
    },
    unedited: share((_, at) => says[own.length + at] === true),
  };
}

/** Whether the losses of epochs have stopped falling. */
function hasSettled(
  losses: readonly number[],
  { patience, least: minDelta }: { patience: number; least: number },
): boolean {
  if (losses.length <= patience) return false;
  const before = Math.min(...losses.slice(0, -patience));
  return losses.slice(-patience).every((loss) => loss > before - minDelta);
}

class SiteRun {
  readonly #context: SiteContext;
  readonly #align: ResolvedAlign;
  readonly #site: number;
  readonly #work: Work;
  #last: EpochRecord | undefined;

  constructor(context: SiteContext, align: ResolvedAlign, site: number, work: Work) {
    this.#context = context;
    this.#align = align;
    this.#site = site;
    this.#work = work;
  }

  async *run(): AsyncGenerator<AlignUpdate, void> {
    const site = this.#site;
    const training = await SiteTraining.begin(this.#context);
    try {
      const end = yield* this.#epochs(training);
      yield { kind: 'end', site, ...(await this.#summary(training, end)) };
    } catch (error) {
      if (this.#work.signal?.aborted) yield { kind: 'cancelled', site, numbers: await training.numbers() };
      throw error;
    } finally {
      await training.dispose();
    }
  }

  async *#epochs(training: SiteTraining): AsyncGenerator<AlignUpdate, SiteEnd> {
    const { epochs, earlyStopping } = this.#context.training;
    const losses: number[] = [];
    for (let epoch = 0; epoch < epochs; epoch++) {
      const batches = training.batches(epoch);
      let sum = 0;
      for (const batch of batches) {
        const made = await training.step(batch, this.#work);
        if (typeof made === 'string') {
          this.#last = undefined;
          return made;
        }
        sum += made.loss;
        yield {
          kind: 'step',
          site: this.#site,
          ...made,
          ...(training.isDue ? { numbers: await training.numbers() } : {}),
        };
      }
      losses.push(sum / batches.length);
      this.#last = {
        step: training.steps,
        loss: sum / batches.length,
        ...(await this.#accuracies(training)),
      };
      yield { kind: 'epoch', site: this.#site, ...this.#last, numbers: await training.numbers() };
      if (earlyStopping && hasSettled(losses, earlyStopping)) return 'early';
    }
    return 'all-steps';
  }

  async #accuracies(training: SiteTraining) {
    const { train, test } = this.#align;
    const numbers = await training.numbers();
    const of = (examples: readonly ResolvedExample[]) =>
      interchangeAccuracy(
        this.#context,
        examples,
        hostParameters(this.#context.trainable, numbers),
        training.temperature,
        this.#work,
      );
    return { trainAccuracy: await of(train), testAccuracy: await of(test) };
  }

  async #summary(training: SiteTraining, end: SiteEnd): Promise<SiteSummary> {
    const { trainable, seed } = this.#context;
    const { temperature } = training;
    const numbers = await training.numbers();
    const { trainAccuracy, testAccuracy } = this.#last ?? (await this.#accuracies(training));
    const control = controlNumbers(trainable, numbers, seed);
    const gaps = Object.entries(trainable.trained).flatMap(([name, { shape, isOrthonormal }]) => {
      const [rows = 0, columns = 0] = shape;
      const found = numbers[name];
      return isOrthonormal && found ? [orthonormalGap(found, rows, columns)] : [];
    });
    const { width } = this.#align;
    return {
      end,
      numbers,
      trainAccuracy,
      testAccuracy,
      controlAccuracy: await interchangeAccuracy(
        this.#context,
        this.#align.test,
        hostParameters(trainable, control),
        temperature,
        this.#work,
      ),
      ...(trainable.boundary
        ? {
            boundary: {
              share: interchangedFraction(trainable, numbers, temperature).share,
              dimensions: interchangedDimensions(trainable, numbers, width, temperature),
            },
          }
        : {}),
      ...(gaps.length > 0 ? { orthonormalGap: Math.max(...gaps) } : {}),
    };
  }
}

/**
 * Run an alignment.
 * @throws the signal's reason when it is aborted, after what there was of the site in training has been handed over
 */
export async function* runAlign(
  model: Model,
  align: ResolvedAlign,
  options: RunAlignOptions = {},
): AsyncGenerator<AlignUpdate, void> {
  const { signal, onProgress, isDone = () => false, keptBytes = keptRoom(model.architecture) } = options;
  const { experiment, train } = align;
  const estimate = estimateAlign(align, model.architecture, keptBytes);
  let finished = 0;
  let within = 0;
  const work: Work = {
    ...(signal ? { signal } : {}),
    done: (rowLayers) => {
      within += rowLayers;
      onProgress?.(finished + within, estimate.rowLayers);
    },
  };
  const close = (rowLayers: number) => {
    finished += rowLayers;
    within = 0;
    onProgress?.(finished, estimate.rowLayers);
  };
  signal?.throwIfAborted();
  onProgress?.(0, estimate.rowLayers);
  const notices = roomNotices(estimate.prompts, keptBytes, model.keepsStates);
  yield { kind: 'baselines', ...(await baselinesOf(model, align, work)), notices };
  close(estimate.own);
  // Sites differ in layer and position, not in what is trained there.
  const [firstSite] = align.sites;
  const trainable = firstSite && trainableOf(experiment, partsOf(align, firstSite));
  for (const [index, site] of align.sites.entries()) {
    signal?.throwIfAborted();
    const prompts = estimate.prompts[index];
    if (prompts && trainable && !isDone(index)) {
      const kept = await KeptExamples.of(model, align, site, prompts, work);
      try {
        const { training, seed } = experiment;
        const context = { model, kept, trainable, training, train, seed };
        yield { kind: 'begin', site: index, initial: trainable.trained };
        yield* new SiteRun(context, align, index, work).run();
      } finally {
        kept.dispose();
      }
    }
    close(estimate.sites[index] ?? 0);
  }
}
