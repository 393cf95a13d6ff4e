// Runs one experiment on any backend, shows how far it is, and writes what came of it.

import { existsSync } from 'node:fs';
import { renderChatOnNode } from '../checkpoint/chat/renderOnNode.ts';
import type { AnyExperiment, AnyResult, ExperimentKind } from '../experiments/kind.ts';
import { type Metric, MetricError } from '../experiments/metrics.ts';
import { kindOf } from '../experiments/registry.ts';
import { isOfWeights } from '../experiments/resultParts.ts';
import { growExperiment } from '../experiments/runExperiment.ts';
import type { BackendKind } from '../runtime/backends/backend.ts';
import type { Precision, WeightResidency } from '../runtime/weights/residency.ts';
import { UsageError } from './arguments.ts';
import { type CommandBackend, kindOfBackend } from './backendOptions.ts';
import { openBrowser } from './browser/chromium.ts';
import { withFittingModel } from './fittingModel.ts';
import { type HostOptions, modelPath } from './hostModel.ts';
import { isOnnxFile } from './onnxModel.ts';
import { progressLine } from './progressLine.ts';
import { earlierResult, makeFolder, writeResult } from './resultFiles.ts';
import { exitCodes, onStop, type StopSignal } from './stopSignals.ts';

export interface ExperimentRunOptions {
  readonly backend: CommandBackend;
  readonly threads?: number | undefined;
  /** On WebGPU; default the first graphics adapter that is no software. */
  readonly device?: number | undefined;
  /** How weights wait on the device; default as there is room. */
  readonly residency?: WeightResidency | undefined;
  /** Default float32. */
  readonly precision?: Precision | undefined;
  /** Folder for what is written; absent to write nothing. */
  readonly out?: string | undefined;
  /** Default what is usual for the kind. */
  readonly metric?: Metric | undefined;
}

interface Growing {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
  readonly earlier: AnyResult | undefined;
  readonly host: HostOptions;
  /** Called with what reads the result as it is now, whatever ended the run. */
  readonly onGrowth: (current: () => AnyResult | undefined) => void;
}

async function growOnHost(
  experiment: AnyExperiment,
  backend: BackendKind,
  { signal, onProgress, onGrowth, earlier, host }: Growing,
): Promise<void> {
  const spec = modelPath(experiment.model, experiment.revision);
  let arrived: () => AnyResult | undefined = () => earlier;
  await withFittingModel(spec, backend, host, async (model, checkpoint) => {
    if (earlier && !isOfWeights(earlier, model)) {
      console.error(
        'Note: the result that is there was computed with other weights, or by an older Patchbay; it is begun anew.',
      );
    }
    const past = arrived();
    const options = { signal, onProgress, renderChat: renderChatOnNode, ...(past ? { earlier: past } : {}) };
    for await (const growth of growExperiment(model, checkpoint, experiment, options)) {
      arrived = () => growth.result;
      onGrowth(arrived);
    }
  });
}

async function growInBrowser(experiment: AnyExperiment, growing: Growing): Promise<void> {
  const path = modelPath(experiment.model, experiment.revision);
  if (isOnnxFile(path))
    throw new UsageError(
      `An ONNX file runs on the backends node, wasm and webgpu; '${path}' was to run in a browser.`,
    );
  if (!existsSync(path)) {
    throw new UsageError(
      `The browser is given models from the disk, and '${path}' is not a file or folder here. Download it, or choose --backend node.`,
    );
  }
  const session = await openBrowser([path]);
  try {
    const { signal, earlier, onProgress, onGrowth } = growing;
    const request = { backend: 'webgpu' as const, label: experiment.model, model: 0, experiment };
    const onResult = (result: AnyResult) => onGrowth(() => result);
    await session.run({ ...request, ...(earlier ? { earlier } : {}) }, { signal, onProgress, onResult });
  } finally {
    await session.close();
  }
}

/** Print a result, and write it where it is to be kept. */
function report(kind: ExperimentKind, result: AnyResult, { out, metric }: ExperimentRunOptions): void {
  const shown = kind.show(result, { metric });
  const { stdout } = process;
  for (const { text } of result.notices) console.log(`Note: ${text}`);
  const hasColours = stdout.isTTY && stdout.getColorDepth() >= 8;
  console.log(shown.summary({ hasColours, columns: stdout.columns ?? 80 }));
  if (out !== undefined) console.log(`\nWritten: ${writeResult(result, shown, out).join(', ')}`);
}

/**
 * Run, print and write an experiment. A signal to stop keeps what has arrived: it is written, and the same command goes
 * on from it. A second one ends the program at once.
 * @returns the exit code; 128 and the number of the signal after one, as shells expect
 * @throws MetricError before anything runs, for a metric that the experiment does not have
 */
export async function runExperiment(
  experiment: AnyExperiment,
  options: ExperimentRunOptions,
): Promise<number> {
  const { backend, out, metric, threads, device, residency, precision = 'float32' } = options;
  const kind = await kindOf(experiment.kind);
  const problem = metric && kind.metricProblem(experiment, metric);
  if (problem !== undefined) throw new MetricError(problem);
  if (precision === 'float16' && kind.halfProblem !== undefined) throw new UsageError(kind.halfProblem);
  if (out !== undefined) makeFolder(out);
  const earlier =
    out === undefined
      ? undefined
      : await earlierResult(out, experiment, { kind: kindOfBackend(backend), precision });
  const controller = new AbortController();
  let stoppedBy: StopSignal = 'SIGINT';
  const listenNoMore = onStop((signal) => {
    stoppedBy = signal;
    controller.abort();
  });
  const progress = progressLine();
  let current = () => earlier;
  const growing: Growing = {
    signal: controller.signal,
    onProgress: progress.show,
    onGrowth: (grown) => {
      current = grown;
    },
    earlier,
    host: { threads, device, residency, precision, signal: controller.signal },
  };
  try {
    if (backend === 'chromium') await growInBrowser(experiment, growing);
    else await growOnHost(experiment, backend, growing);
  } catch (error) {
    // What has arrived is written whatever ended the run.
    const result = current();
    if (result && out !== undefined) writeResult(result, kind.show(result, { metric }), out);
    if (!controller.signal.aborted) throw error;
  } finally {
    listenNoMore();
    progress.end();
  }
  const result = current();
  if (!result) {
    console.error('Stopped before anything was computed.');
    return exitCodes[stoppedBy];
  }
  report(kind, result, options);
  if (kind.isComplete(result)) return 0;
  const { done, total } = kind.count(result);
  const way =
    out === undefined ? 'Give --out DIR to keep them another time.' : 'Run the same command again to go on.';
  console.error(`Stopped with ${done} of ${total} ${kind.words.counted}. ${way}`);
  return exitCodes[stoppedBy];
}
