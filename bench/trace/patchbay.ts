// Patchbay's side of bench/trace, one backend per process: the whole grid, from a loaded model to the last cell, the
// compilation of graphs included. Prints one line of JSON.

import { openModel } from '../../src/checkpoint/openNode.ts';
import { openBrowser } from '../../src/cli/browser/chromium.ts';
import { traceGrid } from '../../src/experiments/trace/grid.ts';
import { resolveTrace } from '../../src/experiments/trace/resolve.ts';
import { readTraceResult, type TraceResult } from '../../src/experiments/trace/result.ts';
import { prepareTrace } from '../../src/experiments/trace/run.ts';
import { growTrace } from '../../src/experiments/trace/work.ts';
import { createNodeBackend } from '../../src/runtime/backends/nodeBackend.ts';
import { createWasmBackendOnNode } from '../../src/runtime/backends/wasmBackendOnNode.ts';
import { Model } from '../../src/runtime/model.ts';
import { eiffel, type MeasuredCell } from './eiffel.ts';

interface Measured {
  readonly seconds: number;
  readonly cpuSeconds?: number;
  readonly firstCellsSeconds: number;
  readonly result: TraceResult;
}

const hasCells = ({ streams }: TraceResult): boolean =>
  // The first position lies before the subject: its cells need no run.
  streams.some(({ cells }) => cells.some((cell, index) => cell !== null && index % 10 !== 0));

async function onHost(kind: string, path: string, samples: number, threads: number): Promise<Measured> {
  const backend = kind === 'node' ? createNodeBackend(threads) : await createWasmBackendOnNode(threads);
  const checkpoint = await openModel(path);
  const model = await Model.load(checkpoint, backend);
  const tokenizer = await checkpoint.tokenizer();
  const cpu = process.cpuUsage();
  const started = performance.now();
  const since = () => (performance.now() - started) / 1000;
  const trace = resolveTrace(model.architecture, tokenizer, eiffel(path, samples));
  const prepared = await prepareTrace(model, trace);
  let result: TraceResult | undefined;
  let first = Number.NaN;
  for await (const grown of growTrace(model, prepared)) {
    if (Number.isNaN(first) && hasCells(grown)) first = since();
    result = grown;
  }
  if (!result) throw new Error('The trace gave no result.');
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: since(), cpuSeconds: (user + system) / 1e6, firstCellsSeconds: first, result };
}

async function inChromium(path: string, samples: number): Promise<Measured> {
  const session = await openBrowser([path]);
  let result: TraceResult | undefined;
  let started = Number.NaN;
  let first = Number.NaN;
  const since = () => (performance.now() - started) / 1000;
  await session.run(
    { backend: 'wasm', label: 'SmolLM2', model: 0, experiment: eiffel(path, samples) },
    {
      signal: new AbortController().signal,
      onLoaded: () => {
        started = performance.now();
      },
      onProgress: () => undefined,
      onResult: (grown) => {
        result = readTraceResult(grown);
        if (Number.isNaN(first) && hasCells(result)) first = since();
      },
    },
  );
  const seconds = since();
  await session.close();
  if (!result) throw new Error('The trace gave no result.');
  return { seconds, firstCellsSeconds: first, result };
}

const [kind = 'node', path = '', samples = '1', threads = '2'] = process.argv.slice(2);
const { result, ...times } =
  kind === 'chromium'
    ? await inChromium(path, Number(samples))
    : await onHost(kind, path, Number(samples), Number(threads));
const values = result.streams.flatMap(({ component }, stream) =>
  traceGrid(result, stream, 'probability').cells.flatMap((row, layer) =>
    row.map((cell, position): MeasuredCell => [component, layer, position, cell?.mean ?? Number.NaN]),
  ),
);
console.log(JSON.stringify({ ...times, values }));
process.exit(0);
