// `patchbay run FILE.json --out DIR`: an experiment file, whatever its kind.

import { readFileSync } from 'node:fs';
import { metrics } from '../experiments/metrics.ts';
import { readTraceExperiment } from '../experiments/trace/experiment.ts';
import { readArguments, readChoice, UsageError } from './arguments.ts';
import { runTraceExperiment } from './traceRun.ts';

const usage =
  'Usage: patchbay run FILE.json --out DIR [--model MODEL] [--metric METRIC] [--backend node|wasm|webgpu]';

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(
      `The file '${path}' cannot be read: ${error instanceof Error ? error.message : error}`,
    );
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`'${path}' is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

export async function runCommand(words: readonly string[]): Promise<number> {
  const option = { type: 'string' } as const;
  const args = readArguments(words, { out: option, backend: option, model: option, metric: option });
  const [path, ...rest] = args.positionals;
  const out = args.text('out');
  if (path === undefined || rest.length > 0 || out === undefined) throw new UsageError(usage);
  const backend = readChoice(args.text('backend') ?? 'node', 'backend', ['node', 'wasm', 'webgpu']);
  const metric = readChoice(args.text('metric') ?? 'probability', 'metric', metrics);
  const experiment = readTraceExperiment(readJson(path));
  const model = args.text('model');
  // The file's revision is one of its own model.
  const { revision: _, ...unpinned } = experiment;
  const chosen = model === undefined ? experiment : { ...unpinned, model };
  return runTraceExperiment(chosen, { backend, metric, out });
}
