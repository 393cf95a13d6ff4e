// `patchbay run FILE.json --out DIR`: an experiment file, whatever its kind.

import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { metrics } from '../../experiments/metrics.ts';
import { kindNames, kindOf, readExperiment } from '../../experiments/registry.ts';
import { fileText } from '../../messages/fileText.ts';
import { readChoice, UsageError } from '../arguments.ts';
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
import { type Arguments, type Command, usageOf } from '../command.ts';
import { runExperiment } from '../experimentRun.ts';
import { withGivenFiles } from '../givenFiles.ts';
import { readThreads, threadsOption } from '../threads.ts';

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(
      `The file '${path}' cannot be read: ${error instanceof Error ? error.message : error}`,
    );
  }
}

function readJson(path: string): unknown {
  const bytes = readBytes(path);
  try {
    return JSON.parse(fileText(bytes));
  } catch (error) {
    throw new UsageError(`'${path}' is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

async function run(args: Arguments): Promise<number> {
  const [path, ...rest] = args.positionals;
  const out = args.text('out');
  if (path === undefined || rest.length > 0 || out === undefined) throw new UsageError(usageOf(command));
  const backend = readBackend(args, commandBackends);
  const named = args.text('metric');
  const metric = named === undefined ? undefined : readChoice(named, 'metric', metrics);
  const stated = await readExperiment(await withGivenFiles(readJson(path), dirname(path)));
  // Files that it names lie where it lies.
  const experiment = await (await kindOf(stated.kind)).withFiles(stated, async (name) =>
    readBytes(isAbsolute(name) ? name : join(dirname(path), name)),
  );
  const model = args.text('model');
  // The file's revision is one of its own model.
  const { revision: _, ...unpinned } = experiment;
  const chosen = model === undefined ? experiment : { ...unpinned, model };
  return runExperiment(chosen, {
    backend,
    out,
    metric,
    threads: readThreads(args, backend),
    device: readDevice(args, backend),
    residency: readWeights(args, backend),
    precision: readPrecision(args, backend),
  });
}

export const command: Command = {
  name: 'run',
  about: 'run an experiment file and write result.json, tables and figures',
  positionals: 'FILE.json',
  options: {
    out: {
      value: 'DIR',
      about: 'where the results are written; a stopped run resumes from what is there',
      isRequired: true,
    },
    model: { value: 'MODEL', about: 'in place of the file’s own' },
    metric: { value: metrics.join('|'), about: 'what the figures show; default the file’s own' },
    backend: backendOption,
    device: deviceOption,
    weights: weightsOption,
    precision: precisionOption,
    threads: threadsOption,
  },
  notes: [
    `Kinds of experiment: ${kindNames.join(', ')}. The folders examples/ and docs/ of Patchbay show how each is written.`,
  ],
  run,
};
