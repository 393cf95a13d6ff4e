// Runs one trace on any backend and writes what came of it: result.json, a table, a figure, and a heatmap for the eye.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Metric, metricNames } from '../experiments/metrics.ts';
import type { TraceExperiment } from '../experiments/trace/experiment.ts';
import { traceFigure } from '../experiments/trace/figure.ts';
import { traceCsv } from '../experiments/trace/grid.ts';
import { resolveTrace, tokenizerFor } from '../experiments/trace/resolve.ts';
import { growTrace, isComplete, readTraceResult, type TraceResult } from '../experiments/trace/result.ts';
import { prepareTrace } from '../experiments/trace/run.ts';
import { layoutHeatmap } from '../figures/heatmap.ts';
import { heatmapSvg } from '../figures/svg.ts';
import type { BackendKind } from '../runtime/backend.ts';
import { UsageError } from './arguments.ts';
import { openBrowser } from './browser/chromium.ts';
import { modelPath, withModel } from './hostModel.ts';
import { canUseColours, terminalHeatmap } from './terminalHeatmap.ts';

export interface TraceRunOptions {
  readonly backend: BackendKind;
  readonly metric: Metric;
  /** Folder for result.json, cells.csv and figure.svg; absent to write none. */
  readonly out?: string;
}

/** One line that is written over as work is done; silent where nobody watches. */
function progressLine(): { readonly show: (done: number, total: number) => void; readonly end: () => void } {
  if (!process.stderr.isTTY) return { show: () => undefined, end: () => undefined };
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

interface Growth {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
  readonly onResult: (result: TraceResult) => void;
  readonly earlier: TraceResult | undefined;
}

async function growOnHost(
  experiment: TraceExperiment,
  backend: 'node' | 'wasm',
  { signal, onProgress, onResult, earlier }: Growth,
): Promise<void> {
  const spec = modelPath(experiment.model, experiment.revision);
  await withModel(spec, backend, async (model, checkpoint) => {
    const tokenizer = await tokenizerFor(checkpoint, experiment);
    const trace = resolveTrace(model.architecture, tokenizer, experiment);
    const textOf = tokenizer ? { textOf: (id: number) => tokenizer.tokenText(id) } : {};
    const prepared = await prepareTrace(model, trace, { signal, ...textOf });
    const options = { signal, onProgress, ...(earlier ? { earlier } : {}) };
    for await (const result of growTrace(model, prepared, options)) onResult(result);
  });
}

async function growInBrowser(experiment: TraceExperiment, growth: Growth): Promise<void> {
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
    await session.trace({ ...request, ...(earlier ? { earlier } : {}) }, { signal, onProgress, onResult });
  } finally {
    await session.close();
  }
}

/** The unfinished result of the same experiment on the same backend that a folder holds. */
function earlierResult(
  out: string | undefined,
  experiment: TraceExperiment,
  backend: BackendKind,
): TraceResult | undefined {
  const path = out === undefined ? '' : join(out, 'result.json');
  if (!existsSync(path)) return undefined;
  try {
    const found = readTraceResult(JSON.parse(readFileSync(path, 'utf8')));
    const isSame =
      found.backend.kind === backend && JSON.stringify(found.experiment) === JSON.stringify(experiment);
    return isSame && !isComplete(found) ? found : undefined;
  } catch {
    // Whatever stands there is of no use, and is written over.
    return undefined;
  }
}

/** result.json, cells.csv (a line a cell) and figure.svg. */
export function writeTrace(result: TraceResult, out: string, metric: Metric): void {
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'result.json'), `${JSON.stringify(result)}\n`);
  writeFileSync(join(out, 'cells.csv'), traceCsv(result));
  const model = layoutHeatmap(traceFigure(result, metric), { width: 1200, theme: 'print' });
  writeFileSync(join(out, 'figure.svg'), heatmapSvg(model));
}

function printTrace(result: TraceResult, metric: Metric): void {
  const { answer, distractor, notices } = result;
  for (const { text } of notices) console.log(`Note: ${text}`);
  const against = distractor ? `, distractor ${JSON.stringify(distractor.text)}` : '';
  console.log(`${metricNames[metric]}; answer ${JSON.stringify(answer.text)}${against}\n`);
  const { stdout } = process;
  console.log(
    terminalHeatmap(result, metric, { hasColours: canUseColours(stdout), columns: stdout.columns ?? 80 }),
  );
}

/**
 * Run, print and write a trace. An interrupt keeps the cells that have arrived: they are written, and the same command
 * goes on from them.
 * @returns the exit code
 */
export async function runTraceExperiment(
  experiment: TraceExperiment,
  { backend, metric, out }: TraceRunOptions,
): Promise<number> {
  const controller = new AbortController();
  const interrupt = () => controller.abort();
  process.once('SIGINT', interrupt);
  const progress = progressLine();
  let result = earlierResult(out, experiment, backend);
  const growth: Growth = {
    signal: controller.signal,
    onProgress: progress.show,
    onResult: (grown) => {
      result = grown;
    },
    earlier: result,
  };
  try {
    if (backend === 'webgpu') await growInBrowser(experiment, growth);
    else await growOnHost(experiment, backend, growth);
  } catch (error) {
    // What has arrived is written whatever ended the run.
    if (result && out !== undefined) writeTrace(result, out, metric);
    if (!controller.signal.aborted) throw error;
  } finally {
    process.off('SIGINT', interrupt);
    progress.end();
  }
  if (!result) {
    console.error('Stopped before anything was computed.');
    return 1;
  }
  printTrace(result, metric);
  if (out !== undefined) {
    writeTrace(result, out, metric);
    console.log(
      `\nWritten: ${['result.json', 'cells.csv', 'figure.svg'].map((name) => join(out, name)).join(', ')}`,
    );
  }
  if (isComplete(result)) return 0;
  console.error(`Stopped early.${out === undefined ? '' : ' Run the same command again to go on.'}`);
  return 1;
}
