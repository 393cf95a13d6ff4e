// `patchbay trace MODEL "prompt" --subject "text"`: a causal trace without a file.

import { metrics } from '../../experiments/metrics.ts';
import { readTraceExperiment, traceDefaults } from '../../experiments/trace/experiment.ts';
import { readChoice, readCount, UsageError } from '../arguments.ts';
import {
  backendOption,
  commandBackends,
  deviceOption,
  precisionOption,
  readBackend,
  readDevice,
  readPrecision,
  readWeights,
  weightsOption,
} from '../backendOptions.ts';
import { type Arguments, type Command, modelNote, usageOf } from '../command.ts';
import { runExperiment } from '../experimentRun.ts';
import { givenAt } from '../givenFiles.ts';
import { sourceOptions } from '../modelSource.ts';
import { idsOption, readIds } from '../promptIds.ts';
import { readThreads, threadsOption } from '../threads.ts';

/** A number, or a multiple of the standard deviation of the subject's embeddings: `3sd`. */
function readLevel(text: string): number | { readonly standardDeviations: number } {
  const [, number = '', unit] = /^([\d.eE+-]+)(sd)?$/.exec(text) ?? [];
  const value = Number(number);
  if (number === '' || Number.isNaN(value))
    throw new UsageError(`--level must be a number such as 0.1, or a multiple such as 3sd; it is '${text}'.`);
  return unit ? { standardDeviations: value } : value;
}

async function readCorruption(args: Arguments): Promise<object> {
  const ways = ['other', 'replacement', 'corruption'].filter((name) => args.text(name) !== undefined);
  const [way, second] = ways;
  if (way !== undefined && second !== undefined)
    throw new UsageError(`--${way} and --${second} are two ways to corrupt the subject. Give one of them.`);
  const isNoise = way === undefined || args.text('corruption') === 'noise';
  const ofNoise = ['level', 'samples', 'seed'].find((name) => args.text(name) !== undefined);
  if (!isNoise && ofNoise !== undefined)
    throw new UsageError(`--${ofNoise} is of noise, and there is none with --${way}. Leave it out.`);
  const other = args.text('other');
  if (other !== undefined) return { kind: 'exchange', with: await givenAt(other) };
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
  const streams = names?.split(',') ?? traceDefaults.streams;
  return streams.map((component) => ({ component, ...(component === 'block_output' ? {} : width) }));
}

/** Tokens of a prompt that is given as ids: `1:3` are the second and the third. */
function readRange(text: string): readonly [number, number] {
  const [, from, to] = /^(\d+):(\d+)$/.exec(text) ?? [];
  if (from !== undefined && to !== undefined) return [Number(from), Number(to)];
  throw new UsageError(
    `Of a prompt of ids the subject is a range of tokens, such as 1:3 for the second and the third; it is '${text}'.`,
  );
}

/** Four whole numbers: left, top, right, bottom. */
function readPatches(text: string): object {
  const numbers = text.split(',').map(Number);
  if (numbers.length === 4 && numbers.every((number) => Number.isInteger(number) && number >= 0))
    return { patches: numbers };
  throw new UsageError(
    `--patches must be four whole numbers, left,top,right,bottom, such as 3,2,7,6; it is '${text}'.`,
  );
}

function readSeconds(text: string): object {
  const [, from, to] = /^([\d.]+):([\d.]+)$/.exec(text) ?? [];
  if (from !== undefined && to !== undefined) return { seconds: [Number(from), Number(to)] };
  throw new UsageError(`--seconds must be a stretch such as 0.5:1.25; it is '${text}'.`);
}

/** What is corrupted, which is named in one of three ways. */
function readSubject(args: Arguments, isOfIds: boolean): unknown {
  const [marked, patches, seconds] = ['subject', 'patches', 'seconds'].map((name) => args.text(name));
  if ([marked, patches, seconds].filter((each) => each !== undefined).length !== 1)
    throw new UsageError(usageOf(command));
  if (patches !== undefined) return readPatches(patches);
  if (seconds !== undefined) return readSeconds(seconds);
  return isOfIds ? readRange(marked ?? '') : marked;
}

async function run(args: Arguments): Promise<number> {
  const [model, text, ...rest] = args.positionals;
  const given = args.text('ids');
  const [image, sound, target, parts] = ['image', 'sound', 'target', 'parts'].map((name) => args.text(name));
  const isWritten = text !== undefined || given !== undefined;
  const isRead = image !== undefined || sound !== undefined;
  if (!model || (text !== undefined && given !== undefined) || !(isWritten || isRead) || rest.length > 0)
    throw new UsageError(usageOf(command));
  const prompt = text ?? (given === undefined ? '' : readIds(given));
  const subject = readSubject(args, given !== undefined);
  const token = (name: string): string | number | undefined => {
    const named = args.text(name);
    return named !== undefined && given !== undefined && /^\d+$/.test(named) ? Number(named) : named;
  };
  const backend = readBackend(args, commandBackends);
  const metric = readChoice(args.text('metric') ?? 'probability', 'metric', metrics);
  const answer = token('answer');
  const distractor = token('distractor');
  const streams = readStreams(args);
  const experiment = readTraceExperiment({
    kind: 'trace',
    version: 1,
    model,
    prompt,
    subject,
    ...(target === undefined ? {} : { target: given === undefined ? target : readIds(target) }),
    ...(image === undefined ? {} : { image: await givenAt(image) }),
    ...(sound === undefined ? {} : { sound: await givenAt(sound) }),
    ...(parts === undefined ? {} : { parts: readCount(parts, 'parts') }),
    ...(answer === undefined ? {} : { answer }),
    ...(distractor === undefined ? {} : { distractor }),
    corruption: await readCorruption(args),
    direction: readChoice(args.text('direction') ?? 'restore', 'direction', ['restore', 'corrupt']),
    ...(streams ? { streams } : {}),
  });
  return runExperiment(experiment, {
    backend,
    metric,
    threads: readThreads(args, backend),
    device: readDevice(args, backend),
    residency: readWeights(args, backend),
    precision: readPrecision(args, backend),
    out: args.text('out'),
  });
}

export const command: Command = {
  name: 'trace',
  about: 'corrupt the subject of a prompt and restore one state at a time: which of them carry the answer',
  positionals: 'MODEL "prompt"',
  options: {
    subject: {
      value: '"text"',
      about: 'the part of the prompt that is corrupted; of ids a range of tokens, such as 1:3',
    },
    patches: {
      value: 'L,T,R,B',
      about: 'in place of --subject: patches of the picture, left, top, right and bottom (exclusive)',
    },
    seconds: { value: 'FROM:TO', about: 'in place of --subject: a stretch of the sound' },
    ids: idsOption,
    ...sourceOptions,
    target: {
      value: 'TEXT',
      about:
        'what the decoder of a model of two stacks has written so far, when the prompt is its source; ids beside --ids',
    },
    parts: {
      value: 'N',
      about: 'the picture is restored in N × N squares, the sound in N stretches; default 8 and 16',
    },
    answer: { value: '" text"', about: 'the token that is watched; default the most probable one' },
    distractor: { value: '" text"', about: 'the token that a logit difference is taken from' },
    corruption: {
      value: 'noise|zero|mean',
      about: 'what becomes of the subject’s embeddings; default noise',
    },
    replacement: { value: '"text"', about: 'other words in place of the subject, instead of a corruption' },
    other: {
      value: 'FILE',
      about: 'another picture or sound, which stands in the place of the patches or seconds',
    },
    level: {
      value: '0.1|3sd',
      about:
        'size of the noise, or a multiple of the standard deviation of the subject’s embeddings; default 3sd',
    },
    samples: { value: 'N', about: 'draws of the noise; default 10' },
    seed: { value: 'N', about: 'seed of the noise; default 1' },
    direction: {
      value: 'restore|corrupt',
      about: 'restore states in the corrupted run, or corrupt them in the clean one; default restore',
    },
    streams: {
      value: 'A,B,C',
      about:
        'components, a panel each; default block_output,mlp_output,attention_output, of a state-space model block_output,mixer_output,ssm_output',
    },
    window: {
      value: 'N',
      about: 'layers that are restored together, in every stream but block_output; default 10',
    },
    metric: { value: metrics.join('|'), about: 'what the figure shows; default probability' },
    backend: backendOption,
    device: deviceOption,
    weights: weightsOption,
    precision: precisionOption,
    threads: threadsOption,
    out: {
      value: 'DIR',
      about: 'write result.json, cells.csv and figures there, and resume from what is there already',
    },
  },
  notes: [modelNote],
  run,
};
