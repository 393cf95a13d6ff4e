// A causal trace in the worker: its baselines, then its cells, a batch a step.

import type { TraceCell } from '../experiments/trace/cells.ts';
import type { TraceExperiment } from '../experiments/trace/experiment.ts';
import { estimateTrace } from '../experiments/trace/plan.ts';
import { resolveTrace } from '../experiments/trace/resolve.ts';
import { type PreparedTrace, prepareTrace, runTrace } from '../experiments/trace/run.ts';
import { startTrace } from '../experiments/trace/work.ts';
import type { RunEnd, TraceEstimate, TraceOptions } from './protocol.ts';
import { type ModelInUse, runInSteps, type WithModel } from './steps.ts';

const cellKey = ({ stream, layer, position }: TraceCell): string => `${stream} ${layer} ${position}`;

/**
 * Run a trace, and hand over its parts as they come.
 * @throws ExperimentError, the signal's reason, or an Error when another model was loaded meanwhile
 */
export async function traceInSteps(
  experiment: TraceExperiment,
  { signal, onProgress, onPart, done = [] }: TraceOptions,
  withModel: WithModel,
): Promise<RunEnd> {
  const finished = new Set(done.map(cellKey));
  const started = performance.now();
  let prepared: PreparedTrace | undefined;
  let reported = 0;
  await runInSteps(
    withModel,
    async ({ model, tokenizer }) => {
      const trace = await prepareTrace(model, resolveTrace(model.architecture, tokenizer, experiment), {
        ...(signal ? { signal } : {}),
        textOf: (id) => tokenizer.tokenText(id),
      });
      prepared = trace;
      return runTrace(model, trace, {
        ...(signal ? { signal } : {}),
        isDone: (cell) => finished.has(cellKey(cell)),
        onProgress: (amount, total) => {
          // A run that begins again on another device does not count backwards.
          reported = Math.max(reported, amount);
          onProgress?.({ stage: 'Tracing', done: reported, total, unit: 'row-layers' });
        },
      });
    },
    (update, { model }) => {
      if (update.kind === 'baselines') {
        const { clean, corrupted } = update;
        if (prepared)
          onPart?.({ kind: 'started', result: startTrace(model, prepared, { clean, corrupted }) });
        return;
      }
      const cells = update.cells.filter((cell) => !finished.has(cellKey(cell)));
      for (const cell of cells) finished.add(cellKey(cell));
      if (cells.length > 0) onPart?.({ kind: 'cells', cells });
    },
  );
  return { elapsedMs: performance.now() - started };
}

/** What a trace will cost, and what can be said of it before the model runs. */
export function estimate(experiment: TraceExperiment, { model, tokenizer }: ModelInUse): TraceEstimate {
  const trace = resolveTrace(model.architecture, tokenizer, experiment);
  const { answer, distractor, notices } = trace;
  return {
    work: estimateTrace(model.architecture, trace),
    notices,
    answer: answer ?? null,
    distractor: distractor ?? null,
  };
}
