// Runs an experiment of any kind on a loaded model: the same in Node and in the page that Node drives.

import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { AlignExperiment } from '../experiments/align/experiment.ts';
import { growAlign } from '../experiments/align/growth.ts';
import { alignTokenizer, resolveAlign } from '../experiments/align/resolve.ts';
import type { AlignResult } from '../experiments/align/result.ts';
import type { AttributeExperiment } from '../experiments/attribute/experiment.ts';
import { type AttributionFile, runAttribution } from '../experiments/attribute/result.ts';
import type { PatchExperiment } from '../experiments/patch/experiment.ts';
import type { PathExperiment } from '../experiments/patch/pathExperiment.ts';
import { patchTokenizer, resolvePatch } from '../experiments/patch/resolve.ts';
import { growPatch, type PatchResult } from '../experiments/patch/result.ts';
import { preparePatch } from '../experiments/patch/run.ts';
import type { RunOptions } from '../experiments/planRuns.ts';
import type { TraceExperiment } from '../experiments/trace/experiment.ts';
import { resolveTrace, tokenizerFor } from '../experiments/trace/resolve.ts';
import { growTrace, type TraceResult } from '../experiments/trace/result.ts';
import { prepareTrace } from '../experiments/trace/run.ts';
import type { Model } from '../runtime/model.ts';

export type Experiment =
  | TraceExperiment
  | PatchExperiment
  | PathExperiment
  | AttributeExperiment
  | AlignExperiment;
export type ExperimentResult = TraceResult | PatchResult | AttributionFile | AlignResult;

export interface GrowthOptions extends RunOptions {
  readonly signal: AbortSignal;
  /** A result of the same experiment to go on from; one of another kind is left alone. */
  readonly earlier?: ExperimentResult;
  /** Everything is read, and the work begins. */
  readonly onReady?: () => Promise<void>;
}

/**
 * The result of an experiment, whenever it has grown.
 * @throws ExperimentError when it does not fit the model, or the signal's reason
 */
export async function* growExperiment(
  model: Model,
  checkpoint: Checkpoint,
  experiment: Experiment,
  { earlier, onReady, ...options }: GrowthOptions,
): AsyncGenerator<ExperimentResult, void> {
  const { signal } = options;
  const { architecture } = model;
  if (experiment.kind === 'trace') {
    const tokenizer = await tokenizerFor(checkpoint, experiment, signal);
    await onReady?.();
    const textOf = tokenizer ? { textOf: (id: number) => tokenizer.tokenText(id) } : {};
    const trace = resolveTrace(architecture, tokenizer, experiment);
    const prepared = await prepareTrace(model, trace, { signal, ...textOf });
    const past = earlier?.kind === 'trace-result' ? { earlier } : {};
    yield* growTrace(model, prepared, { ...options, ...past });
    return;
  }
  if (experiment.kind === 'align') {
    const tokenizer = await alignTokenizer(checkpoint, experiment, signal);
    await onReady?.();
    const align = resolveAlign(architecture, tokenizer, experiment);
    const past = earlier?.kind === 'align-result' ? { earlier } : {};
    yield* growAlign(model, align, { ...options, ...past });
    return;
  }
  if (experiment.kind === 'attribute') {
    await onReady?.();
    yield await runAttribution(model, checkpoint, experiment, options);
    return;
  }
  const tokenizer = await patchTokenizer(checkpoint, experiment, signal);
  await onReady?.();
  const textOf = tokenizer ? { textOf: (id: number) => tokenizer.tokenText(id) } : {};
  const patch = resolvePatch(architecture, tokenizer, experiment);
  const prepared = await preparePatch(model, patch, { signal, ...textOf });
  const past = earlier?.kind === 'patch-result' ? { earlier } : {};
  yield* growPatch(model, prepared, { ...options, ...past });
}
