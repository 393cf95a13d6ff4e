// A causal trace in the worker, one batch of cells at a time: between two batches other calls have their turn on the
// device, and what has arrived is on its way to the page. A device that is lost costs the batch that was running, no more.

import type { Tokenizer } from '../checkpoint/checkpoint.ts';
import type { TraceCell } from '../experiments/trace/cells.ts';
import type { TraceExperiment } from '../experiments/trace/experiment.ts';
import { estimateTrace } from '../experiments/trace/plan.ts';
import { resolveTrace } from '../experiments/trace/resolve.ts';
import { startResult } from '../experiments/trace/result.ts';
import { type PreparedTrace, prepareTrace, runTrace, type TraceUpdate } from '../experiments/trace/run.ts';
import type { Model } from '../runtime/model.ts';
import type { ModelSource, TraceEnd, TraceEstimate, TraceOptions } from './protocol.ts';

/** The model in use, and where it came from: after a lost device the same source gives another model. */
export interface TracedModel {
  readonly source: ModelSource;
  readonly model: Model;
  readonly tokenizer: Tokenizer;
}

type WithModel = <T>(work: (traced: TracedModel) => Promise<T>) => Promise<T>;

const cellKey = ({ stream, layer, position }: TraceCell): string => `${stream} ${layer} ${position}`;

/**
 * Run a trace, and hand over its parts as they come.
 * @param withModel does its work when the device is free; when the device is lost, once more on a new one
 * @throws ExperimentError, the signal's reason, or an Error when another model was loaded meanwhile
 */
export async function traceInSteps(
  experiment: TraceExperiment,
  { signal, onProgress, onPart, done = [] }: TraceOptions,
  withModel: WithModel,
): Promise<TraceEnd> {
  const finished = new Set(done.map(cellKey));
  const started = performance.now();
  let run: (TracedModel & { readonly trace: PreparedTrace; readonly updates: Updates }) | undefined;
  let reported = 0;
  type Updates = AsyncGenerator<TraceUpdate, void>;

  async function begin(traced: TracedModel): Promise<NonNullable<typeof run>> {
    const { model, tokenizer } = traced;
    const trace = await prepareTrace(model, resolveTrace(model.architecture, tokenizer, experiment), {
      ...(signal ? { signal } : {}),
      textOf: (id) => tokenizer.tokenText(id),
    });
    const updates = runTrace(model, trace, {
      ...(signal ? { signal } : {}),
      isDone: (cell) => finished.has(cellKey(cell)),
      onProgress: (amount, total) => {
        // A run that begins again on another device does not count backwards.
        reported = Math.max(reported, amount);
        onProgress?.({ stage: 'Tracing', done: reported, total, unit: 'row-layers' });
      },
    });
    return { ...traced, trace, updates };
  }

  /** @returns whether that was the last one */
  async function step(traced: TracedModel): Promise<boolean> {
    if (run && run.source !== traced.source) {
      throw new Error(
        'Another model was loaded while this trace ran. What has arrived belongs to the first.',
      );
    }
    if (run?.model !== traced.model) run = await begin(traced);
    const { value: update } = await run.updates.next();
    if (!update) return true;
    if (update.kind === 'baselines') {
      const { clean, corrupted } = update;
      onPart?.({ kind: 'started', result: startResult(run.model, run.trace, { clean, corrupted }) });
    } else {
      const cells = update.cells.filter((cell) => !finished.has(cellKey(cell)));
      for (const cell of cells) finished.add(cellKey(cell));
      if (cells.length > 0) onPart?.({ kind: 'cells', cells });
    }
    return false;
  }

  let isOver = false;
  while (!isOver) isOver = await withModel(step);
  return { elapsedMs: performance.now() - started };
}

/** What a trace will cost, and what can be said of it before the model runs. */
export function estimate(experiment: TraceExperiment, { model, tokenizer }: TracedModel): TraceEstimate {
  const trace = resolveTrace(model.architecture, tokenizer, experiment);
  const { answer, distractor, notices } = trace;
  return {
    work: estimateTrace(model.architecture, trace),
    notices,
    answer: answer ?? null,
    distractor: distractor ?? null,
  };
}
