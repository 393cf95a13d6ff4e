// An alignment in the worker, a step of training at a time. A device that is lost costs the site that was in training,
// which begins anew; the finished ones stay.

import { estimateAlign } from '../experiments/align/estimate.ts';
import type { AlignExperiment } from '../experiments/align/experiment.ts';
import { startAlignResult } from '../experiments/align/growth.ts';
import { type ResolvedAlign, resolveAlign } from '../experiments/align/resolve.ts';
import { isSiteDone } from '../experiments/align/result.ts';
import { runAlign } from '../experiments/align/run.ts';
import type { AlignEstimate, AlignOptions, RunEnd } from './protocol.ts';
import { type ModelInUse, runInSteps, type WithModel } from './steps.ts';

const resolved = (experiment: AlignExperiment, { model, tokenizer }: ModelInUse): ResolvedAlign =>
  resolveAlign(model.architecture, tokenizer, experiment);

/**
 * Run an alignment, and hand over its parts as they come.
 * @throws ExperimentError, the signal's reason, or an Error when another model was loaded meanwhile
 */
export async function alignInSteps(
  experiment: AlignExperiment,
  { signal, onProgress, onPart, earlier }: AlignOptions,
  withModel: WithModel,
): Promise<RunEnd> {
  const started = performance.now();
  const finished = new Set(
    (earlier?.sites ?? []).flatMap((site, index) => (isSiteDone(site) ? [index] : [])),
  );
  let align: ResolvedAlign | undefined;
  let isStarted = false;
  let reported = 0;
  await runInSteps(
    withModel,
    async (inUse) => {
      align ??= resolved(experiment, inUse);
      return runAlign(inUse.model, align, {
        ...(signal ? { signal } : {}),
        isDone: (site) => finished.has(site),
        onProgress: (amount, total) => {
          // A run that begins again on another device does not count backwards.
          reported = Math.max(reported, amount);
          onProgress?.({ stage: 'Training', done: reported, total, unit: 'row-layers' });
        },
      });
    },
    (update, { model }) => {
      if (update.kind !== 'baselines') {
        if (update.kind === 'end') finished.add(update.site);
        onPart?.({ kind: 'update', update });
        return;
      }
      if (!align || isStarted) return;
      isStarted = true;
      onPart?.({ kind: 'started', result: startAlignResult(model, align, update, earlier) });
    },
  );
  return { elapsedMs: performance.now() - started };
}

/** What an alignment will cost, and what can be said of it before the model runs. */
export function alignEstimate(experiment: AlignExperiment, inUse: ModelInUse): AlignEstimate {
  const align = resolved(experiment, inUse);
  const { rowLayers, steps } = estimateAlign(align, inUse.model.architecture);
  return { rowLayers, steps, sites: align.sites.length, notices: align.notices };
}
