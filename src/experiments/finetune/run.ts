// Runs a finetuning: first what the model says by itself, then one adapter after another, step by step. Each is handed over
// as it grows, so that whatever stops the run loses nothing, and a later run goes on at the next step.

import type { Model } from '../../runtime/model.ts';
import type { TrainerSnapshot } from '../../runtime/training/trainer.ts';
import { keptRoom } from '../keptBases.ts';
import { type RunOptions, runRow } from '../planRuns.ts';
import type { Work } from '../rowParts.ts';
import { layersOfPrompt } from '../stackLayers.ts';
import { type Continued, forced } from '../teacherForcing.ts';
import {
  AdapterTraining,
  type Divergence,
  type Evaluation,
  evaluate,
  type Measure,
  type Numbers,
  type StepRecord,
} from './adapterTraining.ts';
import { estimateFinetune } from './estimate.ts';
import { KeptPrompts } from './keptPrompts.ts';
import type { ResolvedFinetune } from './resolve.ts';

export interface Before {
  readonly train: Measure;
  readonly test: Measure;
  /** What is said to the examples to test. */
  readonly answers: readonly (readonly number[])[];
}

export type AdapterEnd = 'all-steps' | Divergence;

type OfAdapter<Kind extends string, More> = { readonly kind: Kind; readonly adapter: number } & More;

export type FinetuneUpdate =
  | ({ readonly kind: 'before' } & Before)
  /** An adapter is begun anew, in these shapes. */
  | OfAdapter<'begin', { readonly shapes: Readonly<Record<string, readonly number[]>> }>
  | OfAdapter<'step', StepRecord>
  | OfAdapter<
      'epoch',
      {
        readonly step: number;
        readonly loss: number;
        readonly test: Measure;
        readonly state: TrainerSnapshot;
      }
    >
  | OfAdapter<
      'end',
      {
        readonly end: AdapterEnd;
        readonly train: Measure;
        readonly test: Measure;
        readonly answers: readonly (readonly number[])[];
        readonly numbers: Numbers;
      }
    >
  /** The run was aborted in the middle of an adapter; the signal's reason follows. */
  | OfAdapter<'cancelled', { readonly state: TrainerSnapshot }>;

/** Where an earlier run stopped in the middle of an adapter. */
export interface Stopped {
  readonly state: TrainerSnapshot;
  /** Of all steps that were made. */
  readonly losses: readonly number[];
}

export interface RunFinetuneOptions extends RunOptions {
  /** Adapters that an earlier run has finished: they are not trained again. */
  readonly isDone?: (adapter: number) => boolean;
  readonly stopped?: (adapter: number) => Stopped | undefined;
  /** Bytes that states kept between steps take at most; default `keptRoom`. */
  readonly keptBytes?: number;
}

const measured = ({ loss, match }: Evaluation): Measure => ({ loss, match });

/** Up to the first token that is another: what comes after it follows from the label, not from what was said. */
const saidOf = (examples: readonly Continued[], { said }: Evaluation): readonly (readonly number[])[] =>
  examples.map(({ label }, at) => {
    const ids = said[at] ?? [];
    const other = ids.findIndex((id, place) => id !== label.ids[place]);
    return other < 0 ? ids : ids.slice(0, other + 1);
  });

async function* adapterUpdates(
  training: AdapterTraining,
  { experiment, test }: ResolvedFinetune,
  adapter: number,
  losses: number[],
  work: Work,
): AsyncGenerator<FinetuneUpdate, AdapterEnd> {
  const { epochs, testEvery } = experiment.training;
  const perEpoch = training.batches(0).length;
  for (let epoch = Math.floor(training.steps / perEpoch); epoch < epochs; epoch++) {
    for (const batch of training.batches(epoch).slice(training.steps - epoch * perEpoch)) {
      const made = await training.step(batch, work);
      if (typeof made === 'string') return made;
      losses.push(made.loss);
      yield { kind: 'step', adapter, ...made };
    }
    if ((epoch + 1) % testEvery !== 0 && epoch + 1 < epochs) continue;
    const own = losses.slice(epoch * perEpoch, (epoch + 1) * perEpoch);
    const tested = await training.evaluate(test, work);
    yield {
      kind: 'epoch',
      adapter,
      step: training.steps,
      loss: own.reduce((sum, loss) => sum + loss, 0) / own.length,
      test: measured(tested),
      state: await training.snapshot(),
    };
  }
  return 'all-steps';
}

/**
 * Run a finetuning.
 * @throws the signal's reason when it is aborted, after what there was of the adapter in training has been handed over
 */
export async function* runFinetune(
  model: Model,
  finetune: ResolvedFinetune,
  options: RunFinetuneOptions = {},
): AsyncGenerator<FinetuneUpdate, void> {
  const {
    signal,
    onProgress,
    isDone = () => false,
    stopped,
    keptBytes = keptRoom(model.architecture),
  } = options;
  const { experiment, train, test, adapters } = finetune;
  const layers = layersOfPrompt(model.architecture);
  const estimate = estimateFinetune(finetune, model.architecture, keptBytes);
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
  const plainly = (examples: readonly Continued[]) =>
    evaluate(
      model,
      examples,
      (part) => ({ rows: part.map(({ prompt, label }) => runRow(forced(prompt, label))), first: 0 }),
      (part) => part.length * layers,
      work,
    );
  const tested = await plainly(test);
  yield {
    kind: 'before',
    train: measured(await plainly(train)),
    test: measured(tested),
    answers: saidOf(test, tested),
  };
  close(estimate.own);
  for (const [index, adapter] of adapters.entries()) {
    signal?.throwIfAborted();
    const prompts = estimate.prompts[index];
    if (prompts && !isDone(index)) {
      const kept = await KeptPrompts.of(model, adapter, prompts, work);
      try {
        const { training: settings, seed } = experiment;
        const earlier = stopped?.(index);
        const context = { model, kept, adapter, training: settings, train, seed };
        const training = await AdapterTraining.begin(context, earlier?.state);
        try {
          if (!earlier) yield { kind: 'begin', adapter: index, shapes: training.shapes };
          const losses = [...(earlier?.losses ?? [])];
          const end = yield* adapterUpdates(training, finetune, index, losses, work);
          const last = await training.evaluate(test, work);
          yield {
            kind: 'end',
            adapter: index,
            end,
            train: measured(await training.evaluate(train, work)),
            test: measured(last),
            answers: saidOf(test, last),
            numbers: await training.numbers(),
          };
        } catch (error) {
          if (signal?.aborted) yield { kind: 'cancelled', adapter: index, state: await training.snapshot() };
          throw error;
        } finally {
          await training.dispose();
        }
      } finally {
        kept.dispose();
      }
    }
    close(estimate.adapters[index] ?? 0);
  }
}
