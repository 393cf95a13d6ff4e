// Trains one adapter. Each step runs only what comes after its first edit, on rows that fork from what was kept; the
// parameters stay on the device. A step that leads to NaN or infinity is taken back and ends the training.

import { type RateSchedule, rateFactor } from '../../autodiff/schedules.ts';
import type { Parameters } from '../../interventions/intervention.ts';
import { seedOf, shuffled } from '../../random/random.ts';
import type { GradientPlan, Term } from '../../runtime/backward/objective.ts';
import { crossEntropy } from '../../runtime/backward/objectives.ts';
import type { Model } from '../../runtime/model.ts';
import type { Fragment } from '../../runtime/plan/plan.ts';
import { Trainer, type TrainerSnapshot } from '../../runtime/training/trainer.ts';
import { batchGradients, examplesAtOnce } from '../batchGradients.ts';
import { inParts, partsTogether, type Work } from '../rowParts.ts';
import { areSound } from '../sound.ts';
import { type Continued, forcedCount, idsOf, labelPositions, readLabel } from '../teacherForcing.ts';
import {
  initialParameters,
  type OpenAdapter,
  openAdapter,
  parameterKey,
  type ResolvedAdapter,
  trainedParameters,
} from './adapter.ts';
import type { FinetuneTraining } from './experiment.ts';
import type { KeptPrompts } from './keptPrompts.ts';

/** Draws from the seed of an adapter: those of its parameters come before. */
const firstOrder = 100_000;

/** Rows pass the layers after the first edit forward and back. */
export const passesOfStep = 2;

export const stepsOf = (examples: number, { batchSize, epochs }: FinetuneTraining): number =>
  Math.ceil(examples / batchSize) * epochs;

/** Parameters by `parameterKey`, on the host. */
export type Numbers = Readonly<Record<string, Float32Array>>;

export interface StepRecord {
  /** Mean cross-entropy of the continuations' tokens over the batch, in nats. */
  readonly loss: number;
  readonly rate: number;
}

/** What made a training end before its last step. */
export type Divergence = 'loss' | 'parameters';

/** Mean loss over all tokens of continuations, and the share of examples of which every token is the most probable one. */
export interface Measure {
  readonly loss: number;
  readonly match: number;
}

export interface Evaluation extends Measure {
  /** What was the most probable in the place of each token, one list for each example. */
  readonly said: readonly (readonly number[])[];
}

const lossTerm = (row: number, example: Continued, weight: number): Term => ({
  row,
  site: { component: 'logits', layer: null },
  location: { positions: labelPositions(example) },
  weight,
  ...crossEntropy(example.label.ids),
});

const tokenCount = (examples: readonly Continued[]): number =>
  examples.reduce((sum, { label }) => sum + label.ids.length, 0);

/**
 * Loss and predictions of examples.
 * @param rowsOf the rows of some of them, and the place of the first
 * @param rowLayers of some of them
 */
export async function evaluate(
  model: Model,
  examples: readonly Continued[],
  rowsOf: (part: readonly Continued[]) => Pick<GradientPlan, 'rows'> & { readonly first: number },
  rowLayers: (part: readonly Continued[]) => number,
  { signal, done }: Work,
): Promise<Evaluation> {
  const weight = 1 / tokenCount(examples);
  const said: (readonly number[])[] = [];
  let loss = 0;
  for (const part of partsTogether(examples, forcedCount)) {
    const { rows, first } = rowsOf(part);
    const { objective, reads } = await model.gradients(
      {
        rows,
        terms: part.map((example, at) => lossTerm(first + at, example, weight)),
        reads: part.map((example, at) => readLabel(first + at, example)),
      },
      signal ? { signal } : {},
    );
    loss += objective;
    said.push(...reads.map(idsOf));
    done(rowLayers(part));
  }
  const right = examples.filter(({ label }, at) => label.ids.every((id, place) => said[at]?.[place] === id));
  return { loss, match: right.length / examples.length, said };
}

export interface AdapterContext {
  readonly model: Model;
  readonly kept: KeptPrompts;
  readonly adapter: ResolvedAdapter;
  readonly training: FinetuneTraining;
  readonly train: readonly Continued[];
  readonly seed: number;
}

export class AdapterTraining {
  readonly #context: AdapterContext;
  readonly #trainer: Trainer;
  readonly #initial: readonly Parameters[];
  readonly #schedule: RateSchedule;
  readonly #atOnce: number;
  #isSound = true;
  /** Steps that were made to their end. */
  #step: number;

  private constructor(context: AdapterContext, trainer: Trainer, initial: readonly Parameters[]) {
    const { training, train, kept } = context;
    this.#context = context;
    this.#trainer = trainer;
    this.#initial = initial;
    this.#step = trainer.steps;
    const steps = stepsOf(train.length, training);
    this.#schedule =
      training.schedule === 'linear'
        ? { kind: 'linear', steps, warmUpSteps: training.warmUp * steps }
        : { kind: 'constant' };
    this.#atOnce = examplesAtOnce(
      training.batchSize,
      train.reduce((most, each) => Math.max(most, kept.enteringBytes(each)), 0),
      training.microBatch,
    );
  }

  /** @param from what `snapshot` gave of an earlier training of the same adapter on the same examples */
  static async begin(context: AdapterContext, from?: TrainerSnapshot): Promise<AdapterTraining> {
    const { model, adapter, training, seed } = context;
    const { optimizer: kind, weightDecay, clip, rotation } = training;
    const initial = initialParameters(adapter, seed);
    const trainer = await Trainer.create(
      model.backend,
      trainedParameters(adapter, initial, { rotation, seed }),
      { kind, weightDecay },
      {
        programs: await model.trainingPrograms(),
        ...(clip === null ? {} : { clip }),
        ...(from ? { from } : {}),
      },
    );
    return new AdapterTraining(context, trainer, initial);
  }

  get steps(): number {
    return this.#step;
  }

  /** Shapes of what is trained. */
  get shapes(): Readonly<Record<string, readonly number[]>> {
    return Object.fromEntries(
      Object.entries(this.#trainer.parameters).map(([name, { shape }]) => [name, shape]),
    );
  }

  /** Everything that the next step depends on; of a step that was broken off, as it was before. */
  async snapshot(): Promise<TrainerSnapshot> {
    if (this.#trainer.steps > this.#step) this.#trainer.revert();
    return this.#trainer.snapshot();
  }

  async numbers(): Promise<Numbers> {
    if (this.#trainer.steps > this.#step) this.#trainer.revert();
    const read = await this.#trainer.read();
    return Object.fromEntries(
      Object.entries(read).map(([name, { data }]) => [name, Float32Array.from(data)]),
    );
  }

  /** The batches of an epoch. The last may be smaller. @param epoch from 0 */
  batches(epoch: number): readonly (readonly Continued[])[] {
    const { train, training, seed } = this.#context;
    const order = training.shuffle ? shuffled(train.length, seedOf(seed, firstOrder + epoch)) : train.keys();
    return inParts(
      [...order].flatMap((place) => train[place] ?? []),
      training.batchSize,
    );
  }

  #open(): OpenAdapter {
    const { adapter, model } = this.#context;
    return openAdapter(adapter, this.#trainer.parameters, this.#initial, model.architecture);
  }

  /**
   * One step.
   * @returns what it was, or why it could not be made: then the parameters are those that were good last
   * @throws the signal's reason, before the step or in its middle, with the previous parameters
   */
  async step(batch: readonly Continued[], { signal, done }: Work): Promise<StepRecord | Divergence> {
    const { model, kept, training } = this.#context;
    signal?.throwIfAborted();
    const open = this.#open();
    const weight = 1 / tokenCount(batch);
    const plans = inParts(batch, this.#atOnce).map((part): GradientPlan => {
      const { rows, first } = kept.rows(part, open);
      return { rows, terms: part.map((each, at) => lossTerm(first + at, each, weight)), of: open.wanted };
    });
    const rate = training.learningRate * rateFactor(this.#schedule, this.#step);
    const loss = await batchGradients(
      model,
      plans,
      async (gradients, objective) => {
        if (!Number.isFinite(objective)) return;
        const named = gradients.flatMap((own, piece) =>
          Object.entries(own).map(([name, tensor]) => [parameterKey(piece, name), tensor] as const),
        );
        this.#isSound = areSound(await this.#trainer.step(Object.fromEntries(named), rate));
      },
      signal,
    );
    done(kept.rowLayers(batch, passesOfStep));
    if (!Number.isFinite(loss)) return this.#back('loss');
    if (!this.#isSound) return this.#back('parameters');
    this.#step += 1;
    return { loss, rate };
  }

  #back(reason: Divergence): Divergence {
    // A loss that is NaN or infinite comes from the step before it.
    if (this.#trainer.revert()) this.#step = this.#trainer.steps;
    return reason;
  }

  /** What the adapter as it is now makes of examples. */
  evaluate(examples: readonly Continued[], work: Work): Promise<Evaluation> {
    const { model, kept } = this.#context;
    const open = this.#open();
    return evaluate(
      model,
      examples,
      (part) => kept.rows(part, open),
      (part) => kept.rowLayers(part, 1),
      work,
    );
  }

  dispose(): Promise<void> {
    return this.#trainer.dispose();
  }
}

/** Numbers on the host in the shapes of an adapter. */
export const hostNumbers = (
  adapter: ResolvedAdapter,
  numbers: Numbers,
  seed: number,
): Fragment['parameters'] =>
  Object.fromEntries(
    Object.entries(trainedParameters(adapter, initialParameters(adapter, seed))).map(
      ([name, { data, shape }]) => [name, { data: numbers[name] ?? data, shape }],
    ),
  );
