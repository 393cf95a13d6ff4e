// An experiment of any kind in the worker: an update a step. A device that is lost costs what was in the middle of being
// computed, which begins anew on the next one; what has arrived stays.

import type { AnyExperiment, Estimate, ReadyExperiment, RenderChat } from '../experiments/kind.ts';
import { kindOf } from '../experiments/registry.ts';
import { generationOf } from '../experiments/runExperiment.ts';
import type { ChattingModel } from './generating.ts';
import type { ExperimentOptions, RunEnd } from './protocol.ts';
import { runInSteps, type WithModel } from './steps.ts';

async function readyFor(
  experiment: AnyExperiment,
  { model, tokenizer, checkpoint }: Pick<ChattingModel, 'model' | 'tokenizer' | 'checkpoint'>,
  render: RenderChat,
  signal?: AbortSignal,
): Promise<ReadyExperiment> {
  const kind = await kindOf(experiment.kind);
  return kind.resolve(model.architecture, tokenizer, experiment, {
    signal,
    generation: generationOf(checkpoint, render, signal),
    preprocessor: async () => checkpoint.preprocessor?.(signal),
  });
}

/** What an experiment will cost, and what can be said of it before the model runs. */
export const estimateOf = async (
  experiment: AnyExperiment,
  inUse: Pick<ChattingModel, 'model' | 'tokenizer' | 'checkpoint'>,
  render: RenderChat,
): Promise<Estimate> => (await readyFor(experiment, inUse, render)).estimate();

/**
 * Run an experiment, and hand over its updates as they come.
 * @throws ExperimentError, the signal's reason, or an Error when another model was loaded meanwhile
 */
export async function runExperiment(
  experiment: AnyExperiment,
  { earlier, leaveOut, signal, onProgress, onUpdate }: ExperimentOptions,
  render: RenderChat,
  withModel: WithModel<ChattingModel>,
): Promise<RunEnd> {
  const started = performance.now();
  const { words, growth: begin } = await kindOf(experiment.kind);
  // Grown here as well, so that a run that begins again knows what has arrived.
  const growth = begin();
  /** The first update of a run begins a result: of a run that begins again the page has all that is in it. */
  let isBeginning = true;
  let reported = 0;
  await runInSteps(
    withModel,
    async (inUse) => {
      const ready = await readyFor(experiment, inUse, render, signal);
      const past = growth.result ?? earlier;
      isBeginning = true;
      return ready.run(inUse.model, {
        ...(signal ? { signal } : {}),
        ...(past ? { earlier: past } : {}),
        ...(leaveOut ? { leaveOut } : {}),
        onProgress: (amount, total) => {
          // A run that begins again on another device does not count backwards.
          reported = Math.max(reported, amount);
          onProgress?.({ stage: words.stage, done: reported, total, unit: 'layer-passes' });
        },
      });
    },
    (update) => {
      const isKnown = isBeginning && growth.result !== undefined;
      isBeginning = false;
      if (isKnown) return;
      growth.take(update);
      onUpdate?.(update);
    },
    signal,
  );
  return { elapsedMs: performance.now() - started };
}
