// `patchbay run FILE.json --out DIR`: an experiment file, whatever its kind.

import { readFileSync } from 'node:fs';
import { readAlignExperiment } from '../../experiments/align/experiment.ts';
import { readAttributeExperiment } from '../../experiments/attribute/experiment.ts';
import { ExperimentError } from '../../experiments/experimentFile.ts';
import { metrics } from '../../experiments/metrics.ts';
import { readPatchExperiment } from '../../experiments/patch/experiment.ts';
import { readPathExperiment } from '../../experiments/patch/pathExperiment.ts';
import { readTraceExperiment } from '../../experiments/trace/experiment.ts';
import { didYouMean } from '../../messages/nearest.ts';
import { quoted } from '../../messages/wording.ts';
import { alignResults } from '../alignRun.ts';
import { readChoice, UsageError } from '../arguments.ts';
import { attributeResults } from '../attributeRun.ts';
import { type Arguments, type Command, usageOf } from '../command.ts';
import { requireMetric, runExperiment } from '../experimentRun.ts';
import type { Experiment } from '../growExperiment.ts';
import { patchResults } from '../patchRun.ts';
import { readThreads, threadsOption } from '../threads.ts';
import { traceResults } from '../traceRun.ts';

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

const readers = {
  trace: readTraceExperiment,
  patch: readPatchExperiment,
  path: readPathExperiment,
  attribute: readAttributeExperiment,
  align: readAlignExperiment,
} as const satisfies Readonly<Record<string, (value: unknown) => Experiment>>;

/** @throws ExperimentError for an unknown kind, or the first thing that is wrong */
export function readExperiment(value: unknown): Experiment {
  const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
  const known = Object.keys(readers);
  if (typeof kind !== 'string')
    throw new ExperimentError(
      `This is no experiment of Patchbay: its "kind" must be one of ${known.join(', ')}.`,
    );
  const read = Object.hasOwn(readers, kind) ? readers[kind as keyof typeof readers] : undefined; // It is one of the keys.
  if (read) return read(value);
  throw new ExperimentError(
    `There is no experiment of kind ${quoted(kind)}. ${didYouMean(kind, known)} Known: ${known.join(', ')}.`,
  );
}

async function run(args: Arguments): Promise<number> {
  const [path, ...rest] = args.positionals;
  const out = args.text('out');
  if (path === undefined || rest.length > 0 || out === undefined) throw new UsageError(usageOf(command));
  const backend = readChoice(args.text('backend') ?? 'node', 'backend', ['node', 'wasm', 'webgpu']);
  const place = { backend, out, threads: readThreads(args, backend) };
  const named = args.text('metric');
  const metric = named === undefined ? undefined : readChoice(named, 'metric', metrics);
  const experiment = readExperiment(readJson(path));
  const model = args.text('model');
  // The file's revision is one of its own model.
  const { revision: _, ...unpinned } = experiment;
  const chosen: Experiment = model === undefined ? experiment : { ...unpinned, model };
  if (metric) requireMetric(chosen, metric);
  if (chosen.kind === 'attribute') return runExperiment(chosen, attributeResults, place);
  if (chosen.kind === 'align') return runExperiment(chosen, alignResults, place);
  return chosen.kind === 'trace'
    ? runExperiment(chosen, traceResults(metric ?? 'probability'), place)
    : runExperiment(chosen, patchResults(metric), place);
}

export const command: Command = {
  name: 'run',
  about: 'run an experiment file and write result.json, tables and figures',
  positionals: 'FILE.json',
  options: {
    out: {
      value: 'DIR',
      about: 'where the results are written; what is there already is gone on from',
      isRequired: true,
    },
    model: { value: 'MODEL', about: 'in place of the file’s own' },
    metric: { value: metrics.join('|'), about: 'what the figures show; default the file’s own' },
    backend: { value: 'node|wasm|webgpu', about: 'default node' },
    threads: threadsOption,
  },
  notes: [
    `Kinds of experiment: ${Object.keys(readers).join(', ')}. The folders examples/ and docs/ of Patchbay show how each is written.`,
  ],
  run,
};
