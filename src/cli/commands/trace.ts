// `patchbay trace MODEL "prompt" --subject "text"`: a causal trace without a file.

import { metrics } from '../../experiments/metrics.ts';
import { readTraceExperiment } from '../../experiments/trace/experiment.ts';
import { type Arguments, readArguments, readChoice, readCount, UsageError } from '../arguments.ts';
import { requireMetric, runExperiment } from '../experimentRun.ts';
import { traceResults } from '../traceRun.ts';

const usage = `Usage: patchbay trace MODEL "prompt" --subject "text"
    [--answer " text"] [--distractor " text"] [--level 0.1|3sd] [--samples 10] [--seed 1]
    [--corruption noise|zero|mean | --replacement "text"] [--direction restore|corrupt]
    [--streams block_output,mlp_output,attention_output] [--window 10]
    [--metric ${metrics.join('|')}] [--backend node|wasm|webgpu] [--out DIR]`;

/** A number, or a multiple of the standard deviation of the subject's embeddings: `3sd`. */
function readLevel(text: string): number | { readonly standardDeviations: number } {
  const [, number = '', unit] = /^([\d.eE+-]+)(sd)?$/.exec(text) ?? [];
  const value = Number(number);
  if (number === '' || Number.isNaN(value))
    throw new UsageError(`--level must be a number such as 0.1, or a multiple such as 3sd; it is '${text}'.`);
  return unit ? { standardDeviations: value } : value;
}

function readCorruption(args: Arguments): object {
  const replacement = args.text('replacement');
  if (replacement !== undefined) return { kind: 'replace', tokens: replacement };
  const kind = readChoice(args.text('corruption') ?? 'noise', 'corruption', ['noise', 'zero', 'mean']);
  if (kind !== 'noise') return { kind };
  const seed = Number(args.text('seed') ?? '1');
  return {
    kind,
    level: readLevel(args.text('level') ?? '3sd'),
    samples: readCount(args.text('samples') ?? '10', 'samples'),
    seed,
  };
}

/** A window is for every stream but the residual one, of which one layer says all. */
function readStreams(args: Arguments): readonly object[] | undefined {
  const names = args.text('streams');
  const window = args.text('window');
  if (names === undefined && window === undefined) return undefined;
  const width = window === undefined ? {} : { window: readCount(window, 'window') };
  return (names ?? 'block_output,mlp_output,attention_output')
    .split(',')
    .map((component) => ({ component, ...(component === 'block_output' ? {} : width) }));
}

export async function traceCommand(words: readonly string[]): Promise<number> {
  const option = { type: 'string' } as const;
  const names = [
    'subject',
    'answer',
    'distractor',
    'level',
    'samples',
    'seed',
    'corruption',
    'replacement',
    'direction',
    'streams',
    'window',
    'metric',
    'backend',
    'out',
  ];
  const args = readArguments(words, Object.fromEntries(names.map((name) => [name, option])));
  const [model, prompt, ...rest] = args.positionals;
  const subject = args.text('subject');
  if (!model || prompt === undefined || rest.length > 0 || subject === undefined) throw new UsageError(usage);
  const backend = readChoice(args.text('backend') ?? 'node', 'backend', ['node', 'wasm', 'webgpu']);
  const metric = readChoice(args.text('metric') ?? 'probability', 'metric', metrics);
  const answer = args.text('answer');
  const distractor = args.text('distractor');
  const streams = readStreams(args);
  const experiment = readTraceExperiment({
    kind: 'trace',
    version: 1,
    model,
    prompt,
    subject,
    ...(answer === undefined ? {} : { answer }),
    ...(distractor === undefined ? {} : { distractor }),
    corruption: readCorruption(args),
    direction: readChoice(args.text('direction') ?? 'restore', 'direction', ['restore', 'corrupt']),
    ...(streams ? { streams } : {}),
  });
  const out = args.text('out');
  requireMetric(experiment, metric);
  return runExperiment(experiment, traceResults(metric), {
    backend,
    ...(out === undefined ? {} : { out }),
  });
}
