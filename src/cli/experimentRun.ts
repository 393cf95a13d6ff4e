// Runs one experiment on any backend, shows how far it is, and writes what came of it.

import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Metric, MetricError } from '../experiments/metrics.ts';
import type { BackendKind } from '../runtime/backends/backend.ts';
import { UsageError } from './arguments.ts';
import { openBrowser } from './browser/chromium.ts';
import {
  type Experiment,
  type ExperimentResult,
  type GrowthOptions,
  growExperiment,
} from './growExperiment.ts';
import { modelPath, withModel } from './hostModel.ts';
import { exitCodes, onStop, type StopSignal } from './stopSignals.ts';
import { writeWhole } from './writeWhole.ts';

export interface ExperimentRunOptions {
  readonly backend: BackendKind;
  readonly threads?: number | undefined;
  /** Folder for what is written; absent to write nothing. */
  readonly out?: string;
}

/** What a kind of experiment makes of its results. */
export interface ResultKind<Result extends ExperimentResult> {
  /** A result as a file holds it. @throws ExperimentError when it is none */
  readonly read: (value: unknown) => Result;
  readonly isOwn: (result: ExperimentResult) => result is Result;
  readonly isComplete: (result: Result) => boolean;
  /** Cells that have arrived, and all. */
  readonly count: (result: Result) => { readonly done: number; readonly total: number };
  /** What is counted; default cells. */
  readonly counted?: string;
  /** Files beside result.json, by name; a name may have folders before it. */
  readonly files: (result: Result) => Readonly<Record<string, string | Uint8Array>>;
  /** Folders that an earlier run has left in the folder of the results: they are taken away before this one writes. */
  readonly stale?: (out: string) => readonly string[];
  readonly print: (result: Result) => void;
}

/**
 * Asked before anything runs, so that no work is done in vain.
 * @throws MetricError for a logit difference without a distractor
 */
export function requireMetric(experiment: Experiment, metric: Metric): void {
  if (experiment.kind === 'align')
    throw new MetricError(
      'An alignment has one measure, the interchange intervention accuracy; leave --metric out.',
    );
  const watched = experiment.kind === 'trace' ? [experiment] : experiment.pairs;
  if (metric !== 'logitDifference' || watched.every(({ distractor }) => distractor !== undefined)) return;
  throw new MetricError(
    'A logit difference needs a distractor, and this experiment has none. Name one, or choose another --metric.',
  );
}

interface ProgressLine {
  readonly show: (done: number, total: number) => void;
  readonly end: () => void;
}

/** A line for every quarter of the work, where it goes to a file. */
function progressLog(): ProgressLine {
  let shown = -1;
  return {
    show: (done, total) => {
      const quarter = total > 0 ? Math.floor((done / total) * 4) : 4;
      if (quarter <= shown) return;
      shown = quarter;
      process.stderr.write(`${quarter * 25} % of ${total} row-layers\n`);
    },
    end: () => undefined,
  };
}

/** One line that is written over as work is done. */
function progressLine(): ProgressLine {
  if (!process.stderr.isTTY) return progressLog();
  const started = performance.now();
  return {
    show: (done, total) => {
      const share = total > 0 ? done / total : 1;
      const left = share > 0 ? ((performance.now() - started) / 1000) * (1 / share - 1) : Number.NaN;
      const wait = Number.isFinite(left) ? `, ${Math.ceil(left)} s left` : '';
      process.stderr.write(`\r${(share * 100).toFixed(0).padStart(3)} % of ${total} row-layers${wait}   `);
    },
    end: () => process.stderr.write('\r\u001b[K'),
  };
}

interface Growth extends Required<Pick<GrowthOptions, 'signal' | 'onProgress'>> {
  readonly onResult: (result: ExperimentResult) => void;
  readonly earlier: ExperimentResult | undefined;
  readonly threads: number | undefined;
}

async function growOnHost(
  experiment: Experiment,
  backend: 'node' | 'wasm',
  { signal, onProgress, onResult, earlier, threads }: Growth,
): Promise<void> {
  const spec = modelPath(experiment.model, experiment.revision);
  await withModel(spec, backend, { threads }, async (model, checkpoint) => {
    const options = { signal, onProgress, ...(earlier ? { earlier } : {}) };
    for await (const result of growExperiment(model, checkpoint, experiment, options)) onResult(result);
  });
}

async function growInBrowser(experiment: Experiment, growth: Growth): Promise<void> {
  const path = modelPath(experiment.model, experiment.revision);
  if (!existsSync(path)) {
    throw new UsageError(
      `The browser is given models from the disk, and '${path}' is no file or folder here. Download it, or choose --backend node.`,
    );
  }
  const session = await openBrowser([path]);
  try {
    const { signal, earlier, onProgress, onResult } = growth;
    const request = { backend: 'webgpu' as const, label: experiment.model, model: 0, experiment };
    await session.run({ ...request, ...(earlier ? { earlier } : {}) }, { signal, onProgress, onResult });
  } finally {
    await session.close();
  }
}

/** The unfinished result of the same experiment on the same backend that a folder holds. */
function earlierResult<Result extends ExperimentResult>(
  kind: ResultKind<Result>,
  out: string | undefined,
  experiment: Experiment,
  backend: BackendKind,
): Result | undefined {
  const path = out === undefined ? '' : join(out, 'result.json');
  if (!existsSync(path)) return undefined;
  try {
    const found = kind.read(JSON.parse(readFileSync(path, 'utf8')));
    const isSame =
      found.backend.kind === backend && JSON.stringify(found.experiment) === JSON.stringify(experiment);
    return isSame && !kind.isComplete(found) ? found : undefined;
  } catch {
    // Whatever stands there is of no use, and is written over.
    return undefined;
  }
}

/** @throws UsageError for a folder that cannot be one: before anything runs, so that no work is lost */
function makeFolder(out: string): void {
  try {
    mkdirSync(out, { recursive: true });
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(
      `The results cannot be written to '${out}' (${words}). Name another folder by --out.`,
    );
  }
}

/** @returns the paths of what was written */
function writeResult<Result extends ExperimentResult>(
  kind: ResultKind<Result>,
  result: Result,
  out: string,
): readonly string[] {
  for (const folder of kind.stale?.(out) ?? []) rmSync(folder, { recursive: true });
  const files = { 'result.json': `${JSON.stringify(result)}\n`, ...kind.files(result) };
  const paths = Object.entries(files).map(([name, content]) => {
    const path = join(out, name);
    mkdirSync(dirname(path), { recursive: true });
    writeWhole(path, content);
    return path;
  });
  // A folder is named once, whatever is in it.
  const own = dirname(join(out, 'result.json'));
  return [...new Set(paths.map((path) => (dirname(path) === own ? path : dirname(path))))];
}

/**
 * Run, print and write an experiment. A signal to stop keeps the cells that have arrived: they are written, and the same
 * command goes on from them. A second one ends the program at once.
 * @returns the exit code; 128 and the number of the signal after one, as shells expect
 */
export async function runExperiment<Result extends ExperimentResult>(
  experiment: Experiment,
  kind: ResultKind<Result>,
  { backend, out, threads }: ExperimentRunOptions,
): Promise<number> {
  if (out !== undefined) makeFolder(out);
  const controller = new AbortController();
  let stoppedBy: StopSignal = 'SIGINT';
  const listenNoMore = onStop((signal) => {
    stoppedBy = signal;
    controller.abort();
  });
  const progress = progressLine();
  let result = earlierResult(kind, out, experiment, backend);
  const growth: Growth = {
    signal: controller.signal,
    onProgress: progress.show,
    onResult: (grown) => {
      if (kind.isOwn(grown)) result = grown;
    },
    earlier: result,
    threads,
  };
  try {
    if (backend === 'webgpu') await growInBrowser(experiment, growth);
    else await growOnHost(experiment, backend, growth);
  } catch (error) {
    // What has arrived is written whatever ended the run.
    if (result && out !== undefined) writeResult(kind, result, out);
    if (!controller.signal.aborted) throw error;
  } finally {
    listenNoMore();
    progress.end();
  }
  if (!result) {
    console.error('Stopped before anything was computed.');
    return exitCodes[stoppedBy];
  }
  for (const { text } of result.notices) console.log(`Note: ${text}`);
  kind.print(result);
  if (out !== undefined) console.log(`\nWritten: ${writeResult(kind, result, out).join(', ')}`);
  if (kind.isComplete(result)) return 0;
  const { done, total } = kind.count(result);
  const way =
    out === undefined ? 'Give --out DIR to keep them another time.' : 'Run the same command again to go on.';
  console.error(`Stopped with ${done} of ${total} ${kind.counted ?? 'cells'}. ${way}`);
  return exitCodes[stoppedBy];
}
