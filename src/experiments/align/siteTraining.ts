// Trains the intervention at one site, or those that are trained together with it. Each step runs only the layers after the site, on rows that fork from what was kept;
// the parameters stay on the device and are read at a bounded pace, because a rotation may be large. A step that leads to
// NaN or infinity is taken back and ends the training.

import { type RateSchedule, rateFactor } from '../../autodiff/schedules.ts';
import { seedOf, shuffled } from '../../random/random.ts';
import type { DeviceTensor } from '../../runtime/backends/backend.ts';
import type { GradientPlan } from '../../runtime/backward/objective.ts';
import { crossEntropy } from '../../runtime/backward/objectives.ts';
import type { Model } from '../../runtime/model.ts';
import type { Fragment } from '../../runtime/plan/plan.ts';
import { Trainer } from '../../runtime/training/trainer.ts';
import { batchGradients, examplesAtOnce } from '../batchGradients.ts';
import { inParts, partsTogether, type Work } from '../rowParts.ts';
import { areSound } from '../sound.ts';
import { forcedCount, labelPositions, readLabel, saysLabel } from '../teacherForcing.ts';
import type { AlignTraining } from './experiment.ts';
import type { KeptExamples } from './keptExamples.ts';
import { interchanged, type ResolvedExample } from './resolveExamples.ts';
import { interchangedFraction, type Numbers, partName, type Trainable } from './trainable.ts';

/** Draws from the experiment's seed: those of the parameters come before. */
const firstOrder = 2;

export interface StepRecord {
  /** Mean cross-entropy of the labels' tokens over the batch, in nats, without the penalty. */
  readonly loss: number;
  readonly rate: number;
  /** Of the types that have one, what the step was made with. */
  readonly temperature?: number;
  /** The share of the width that is interchanged, before the step. */
  readonly widthShare?: number;
}

export interface SiteContext {
  readonly model: Model;
  readonly kept: KeptExamples;
  readonly trainable: Trainable;
  readonly training: AlignTraining;
  readonly train: readonly ResolvedExample[];
  readonly seed: number;
}

/** Bytes of parameters that a step reads on average, at most: those that are larger are read after every so many steps. */
const bytesPerStep = 64 * 2 ** 10;

/** Rows pass the layers after a site forward and back. */
export const passesOfStep = 2;

export const stepsOf = (examples: number, { batchSize, epochs }: AlignTraining): number =>
  Math.ceil(examples / batchSize) * epochs;

/**
 * The temperature after so many of all steps. The first step is made with the first temperature, and each step ends by
 * setting the next in a straight line over the steps, so that the first two are alike and evaluation after the last has the
 * last: pyvene's order.
 */
export function temperatureAfter(steps: number, total: number, { temperature }: AlignTraining): number {
  const [from, to] = temperature;
  const place = Math.max(0, Math.min(steps, total) - 1);
  return total < 2 ? from : from + ((to - from) * place) / (total - 1);
}

/** What made a training end before its last step. */
export type Divergence = 'loss' | 'parameters';

export class SiteTraining {
  readonly #context: SiteContext;
  readonly #trainer: Trainer;
  readonly #total: number;
  readonly #schedule: RateSchedule;
  /** After so many steps they are handed over; see `bytesPerStep`. */
  readonly #pace: number;
  /** Examples that run at once. */
  readonly #atOnce: number;
  /** Of the parameters as they were read last, and after how many steps that was. */
  #read: { readonly step: number; readonly numbers: Numbers } | undefined;
  /** Of the boundary or the mask as it is now. */
  #boundary: Numbers;
  #isSound = true;
  #step = 0;

  private constructor(context: SiteContext, trainer: Trainer, initial: Numbers) {
    const { training, train } = context;
    this.#context = context;
    this.#trainer = trainer;
    this.#read = { step: 0, numbers: initial };
    this.#boundary = initial;
    const bytes = Object.values(initial).reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.#pace = Math.max(1, Math.ceil(bytes / bytesPerStep));
    this.#atOnce = examplesAtOnce(
      training.batchSize,
      Math.max(...train.map((example) => context.kept.enteringBytes(example))),
      training.microBatch,
    );
    this.#total = stepsOf(train.length, training);
    this.#schedule =
      training.schedule === 'linear'
        ? { kind: 'linear', steps: this.#total, warmUpSteps: training.warmUp * this.#total }
        : { kind: 'constant' };
  }

  static async begin(context: SiteContext): Promise<SiteTraining> {
    const { model, trainable, training } = context;
    const { optimizer: kind, weightDecay, clip } = training;
    const trainer = await Trainer.create(
      model.backend,
      trainable.trained,
      { kind, ...(weightDecay === undefined ? {} : { weightDecay }) },
      { programs: await model.trainingPrograms(), ...(clip === undefined ? {} : { clip }) },
    );
    const initial = Object.entries(trainable.trained).map(([name, { data }]) => [name, data] as const);
    return new SiteTraining(context, trainer, Object.fromEntries(initial));
  }

  /**
   * The parameters after the last step that was made, read from the device unless they were before. Of a step that was
   * broken off they are those of before.
   */
  async numbers(): Promise<Numbers> {
    if (this.#trainer.steps > this.#step) this.#trainer.revert();
    const step = this.#trainer.steps;
    if (this.#read?.step !== step) this.#read = { step, numbers: await this.#parameters() };
    return this.#read.numbers;
  }

  /** Whether it is time to hand the parameters over. */
  get isDue(): boolean {
    return this.#step % this.#pace === 0;
  }

  /** Steps made. */
  get steps(): number {
    return this.#trainer.steps;
  }

  /** See `temperatureAfter`. */
  get temperature(): number {
    return temperatureAfter(this.#step, this.#total, this.#context.training);
  }

  /** The batches of an epoch. The last may be smaller. @param epoch from 0 */
  batches(epoch: number): readonly (readonly ResolvedExample[])[] {
    const { train, training, seed } = this.#context;
    const order = training.shuffle ? shuffled(train.length, seedOf(seed, firstOrder + epoch)) : train.keys();
    return inParts(
      [...order].flatMap((place) => train[place] ?? []),
      training.batchSize,
    );
  }

  /**
   * One step.
   * @returns what it was, or why it could not be made: then the parameters are those that were good last
   * @throws the signal's reason, before the step or in its middle, with the previous parameters
   */
  async step(batch: readonly ResolvedExample[], { signal, done }: Work): Promise<StepRecord | Divergence> {
    const { model, kept, trainable, training } = this.#context;
    signal?.throwIfAborted();
    const { temperature } = this;
    const fragments = trainable.fragments(this.#trainer.parameters, temperature);
    const weight = 1 / batch.reduce((sum, { label }) => sum + label.ids.length, 0);
    const plans = inParts(batch, this.#atOnce).map((part): GradientPlan => {
      const { rows, first } = kept.rows(part, fragments);
      const terms = part.map((example, at) => ({
        row: first + at,
        site: { component: 'logits', layer: null },
        location: { positions: labelPositions(interchanged(example)) },
        weight,
        ...crossEntropy(example.label.ids),
      }));
      return { rows, terms, of: fragments.map(({ parameters }) => parameters) };
    });

    const rate = training.learningRate * rateFactor(this.#schedule, this.#step);
    const share = trainable.boundary
      ? interchangedFraction(trainable, this.#boundary, temperature)
      : undefined;
    const objective = await batchGradients(
      model,
      plans,
      async (byPart, loss) => {
        const named = byPart.flatMap((own, at) =>
          Object.entries(own).map(([name, tensor]) => [partName(at, name), tensor] as const),
        );
        if (Number.isFinite(loss)) await this.#move(Object.fromEntries(named), share?.gradient, rate);
      },
      signal,
    );
    done(kept.rowLayers(batch, passesOfStep));
    if (!Number.isFinite(objective)) return this.#back('loss');
    if (!this.#isSound) return this.#back('parameters');
    if (trainable.boundary) this.#boundary = await this.#parameters([trainable.boundary]);
    this.#step += 1;
    return {
      loss: objective,
      rate,
      ...(trainable.hasTemperature ? { temperature } : {}),
      ...(share ? { widthShare: share.share } : {}),
    };
  }

  /** The step of the optimiser, with the penalty's gradient beside that of the loss. */
  async #move(
    gradients: Readonly<Record<string, DeviceTensor>>,
    penalty: Float32Array | undefined,
    rate: number,
  ): Promise<void> {
    const { model, trainable } = this.#context;
    const { boundary, penalty: factor } = trainable;
    const own = boundary && gradients[boundary];
    if (!own || !penalty || factor === 0) {
      this.#isSound = areSound(await this.#trainer.step(gradients, rate));
      return;
    }
    const data = await model.backend.read(own);
    const both = Float32Array.from(data, (x, at) => x + factor * (penalty[at] ?? 0));
    const tensor = model.backend.upload(both, own.shape);
    try {
      this.#isSound = areSound(await this.#trainer.step({ ...gradients, [boundary]: tensor }, rate));
    } finally {
      model.backend.dispose(tensor);
    }
  }

  #back(reason: Divergence): Divergence {
    // A loss that is NaN or infinite comes from the step before it.
    this.#trainer.revert();
    this.#read = undefined;
    return reason;
  }

  async #parameters(names?: readonly string[]): Promise<Numbers> {
    const read = await this.#trainer.read(names);
    return Object.fromEntries(
      Object.entries(read).map(([name, { data }]) => [name, Float32Array.from(data)]),
    );
  }

  dispose(): Promise<void> {
    return this.#trainer.dispose();
  }
}

/**
 * Interchange intervention accuracy: the share of examples in which every token of the label is the most probable one, of the
 * whole vocabulary, when the intervention acts and the label's tokens before it were said.
 * @see Geiger et al. 2024, definition 4
 */
export async function interchangeAccuracy(
  { model, kept, trainable }: Pick<SiteContext, 'model' | 'kept' | 'trainable'>,
  examples: readonly ResolvedExample[],
  parameters: Fragment['parameters'],
  temperature: number,
  { signal, done }: Work,
): Promise<number> {
  const fragments = trainable.fragments(parameters, temperature);
  let right = 0;
  for (const part of partsTogether(examples, (example) => forcedCount(interchanged(example)))) {
    const { rows, first } = kept.rows(part, fragments);
    const reads = part.map((example, at) => readLabel(first + at, interchanged(example)));
    const results = await model.run({ rows, reads }, signal ? { signal } : {});
    right += part.filter(({ label }, at) => saysLabel(label, results[at])).length;
    done(kept.rowLayers(part, 1));
  }
  return right / examples.length;
}
