// `patchbay generate MODEL "prompt"`: a text, as it comes, and where it is steered the text without steering after it.

import { dirname, resolve } from 'node:path';
import type { ChatTurn } from '../../checkpoint/chat/chatTemplate.ts';
import { renderChatOnNode } from '../../checkpoint/chat/renderOnNode.ts';
import { type Checkpoint, CheckpointError, type Tokenizer } from '../../checkpoint/checkpoint.ts';
import { openDiskFile } from '../../checkpoint/sources/disk.ts';
import { runFrom } from '../../experiments/steer/passageRun.ts';
import { readSteering } from '../../experiments/steer/steering.ts';
import { type PlacedSteering, placeSteering, steeringEdits } from '../../experiments/steer/steeringEdits.ts';
import { quoted } from '../../messages/wording.ts';
import {
  type EndReason,
  type GenerateStep,
  generateTexts,
  tokenLimits,
} from '../../runtime/generation/generate.ts';
import type { SamplingOptions } from '../../runtime/generation/sampling/sampling.ts';
import { endingOf, type GenerationSettings, generationSettings } from '../../runtime/generation/settings.ts';
import type { Model } from '../../runtime/model.ts';
import { readCount, UsageError } from '../arguments.ts';
import { deviceOption, hostBackendOption, hostBackends, readBackend, readDevice } from '../backendOptions.ts';
import { type Arguments, type Command, modelNote, usageOf } from '../command.ts';
import { withModel } from '../hostModel.ts';
import { hasInputFile, readSource, sourceOptions } from '../modelSource.ts';
import { onStop } from '../stopSignals.ts';
import { readThreads, threadsOption } from '../threads.ts';

const samplingOptions = {
  temperature: 'temperature',
  topK: 'top-k',
  topP: 'top-p',
  minP: 'min-p',
  typicalP: 'typical-p',
  repetitionPenalty: 'repetition-penalty',
  frequencyPenalty: 'frequency-penalty',
  presencePenalty: 'presence-penalty',
  noRepeatNgramSize: 'no-repeat-ngram',
  seed: 'seed',
} as const satisfies Record<keyof SamplingOptions, string>;

const endings: Readonly<Record<EndReason, string>> = {
  eos: 'The model has ended its text.',
  stop: 'A stop string has come.',
  length: 'As many tokens as were asked for (--tokens).',
  context: "The model's context is full.",
  notFinite:
    'The model computed NaN or infinite logits: the steering is too strong. The text before it is kept.',
  noToken: 'The sampling options leave no token.',
};

function readSampling(args: Arguments): SamplingOptions {
  const given = Object.entries(samplingOptions).flatMap(([name, option]) => {
    const text = args.text(option);
    if (text === undefined) return [];
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value))
      throw new UsageError(`--${option} must be a number; it is '${text}'.`);
    return [[name, value] as const];
  });
  return Object.fromEntries(given);
}

async function readPlaced(path: string): Promise<readonly PlacedSteering[]> {
  const open = async (file: string) => {
    const source = await openDiskFile(resolve(dirname(path), file));
    if (!source) throw new CheckpointError(`${quoted(file)} does not exist. Check the path.`);
    return source;
  };
  const source = await openDiskFile(path);
  if (!source) throw new CheckpointError(`${quoted(path)} does not exist. Check the path.`);
  const text = new TextDecoder().decode(await source.read(0, source.sizeBytes));
  await source.close();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CheckpointError(
      `${quoted(path)} is not JSON: ${error instanceof Error ? error.message : error}`,
    );
  }
  return placeSteering(readSteering(value), open);
}

/** The prompt as ids. What a template writes has its special tokens already. */
async function promptTokens(
  checkpoint: Checkpoint,
  tokenizer: Tokenizer,
  prompt: string,
  args: Arguments,
): Promise<readonly number[]> {
  const system = args.text('system');
  if (!args.has('chat')) {
    if (system !== undefined) throw new UsageError('--system is a turn of a chat. Give --chat as well.');
    return tokenizer.encode(prompt);
  }
  const files = await checkpoint.generationFiles?.();
  const turns: ChatTurn[] = [
    ...(system === undefined ? [] : [{ role: 'system', content: system }]),
    { role: 'user', content: prompt },
  ];
  const none = { generationConfig: {}, chatTemplates: new Map<string, string>(), specialTokens: {} };
  const rendered = renderChatOnNode(files ?? none, { turns });
  console.error(`Prompt: ${JSON.stringify(rendered)}`);
  return tokenizer.encode(rendered, { addSpecialTokens: false });
}

function describeSettings({ sampling, eosIds, origins }: GenerationSettings, tokenizer: Tokenizer): string {
  const from = (name: keyof typeof origins) =>
    origins[name] === 'generation_config.json' ? ' (generation_config.json)' : '';
  const options = Object.entries(sampling).map(([name, value]) => {
    const key = name as keyof SamplingOptions; // The keys of the options.
    return `${samplingOptions[key]} ${value}${from(key)}`;
  });
  const ends = eosIds.map((id) => JSON.stringify(tokenizer.tokenText(id))).join(', ');
  const how = sampling.temperature ? 'sampled' : 'the most probable token at each step';
  return `${[how, ...options].join(', ')}; ends at ${ends === '' ? 'nothing' : `${ends}${from('eosIds')}`}.`;
}

const counted = (count: number): string => `${count} ${count === 1 ? 'token' : 'tokens'}`;

interface Told {
  readonly model: Model;
  readonly tokens: readonly number[];
  readonly count: number;
}

/** What will not be as it was asked. */
function tellLimit({ model, tokens, count }: Told): void {
  const [limit] = tokenLimits(model, { rows: [{ tokens }], maxNewTokens: count });
  if (limit?.reason === 'context')
    console.error(
      `Note: the prompt has ${counted(tokens.length)} and this model ${model.architecture.maxPositions} positions, so at most ${limit.count} new tokens fit.`,
    );
}

async function generateIn(
  model: Model,
  checkpoint: Checkpoint,
  prompt: string | undefined,
  args: Arguments,
  stop: AbortController,
): Promise<number> {
  const { architecture } = model;
  if (architecture.labels)
    throw new UsageError(
      `A ${architecture.modelType} model tells classes and writes nothing. Use patchbay predict.`,
    );
  const tokenizer = await checkpoint.tokenizer();
  const read = await readSource({ architecture, checkpoint, tokenizer, args }, prompt);
  if (read && (args.has('chat') || args.text('system') !== undefined))
    throw new UsageError(
      `A ${architecture.modelType} model reads no turns of a chat; leave out ${args.has('chat') ? '--chat' : '--system'}.`,
    );
  const tokens = read?.tokens ?? (await promptTokens(checkpoint, tokenizer, prompt ?? '', args));
  const row = { tokens, ...(read?.source ? { source: read.source } : {}) };
  if (tokens.length === 0) throw new UsageError('The prompt has no tokens. Give at least one word.');
  const path = args.text('steer');
  const placed = path === undefined ? [] : await readPlaced(path);
  const files = await checkpoint.generationFiles?.();
  const settings = endingOf(architecture, generationSettings(checkpoint.config, files, readSampling(args)));
  const count = readCount(args.text('tokens') ?? '100', 'tokens');
  tellLimit({ model, tokens, count });
  console.error(describeSettings(settings, tokenizer));
  for (const notice of settings.notices) console.error(`Note: ${notice}`);
  const stopListening = onStop(() => stop.abort());
  const plain: string[] = [];
  const show = ({ tokens: news, ended }: GenerateStep) => {
    for (const { row, text } of [...news, ...ended]) {
      if (row === 0) process.stdout.write(text);
      else plain.push(text);
    }
  };
  const run = runFrom(architecture, tokens, read?.source);
  const edits = steeringEdits(architecture, placed, run, (id) => tokenizer.isSpecial(id));
  const steered = { ...row, edits };
  try {
    const started = performance.now();
    const texts = await generateTexts(
      model,
      {
        // Never a steered text alone: the other draws with the same random numbers.
        rows: placed.length > 0 ? [steered, row] : [row],
        maxNewTokens: count,
        sampling: settings.sampling,
        eosIds: settings.eosIds,
        stop: args.texts('stop'),
        tokenizer,
      },
      { signal: stop.signal, onStep: show },
    );
    const seconds = (performance.now() - started) / 1000;
    process.stdout.write('\n');
    if (placed.length > 0) console.log(`\nUnsteered:\n${plain.join('')}`);
    const made = texts.reduce((sum, text) => sum + text.tokens.length, 0);
    const [text] = texts;
    console.error(`${text ? endings[text.reason] : ''} ${(made / seconds).toFixed(1)} tokens a second.`);
    return 0;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    // What was shown stays.
    process.stdout.write('\n');
    return 130;
  } finally {
    stopListening();
  }
}

async function run(args: Arguments): Promise<number> {
  const [spec, prompt, ...rest] = args.positionals;
  if (!spec || (prompt === undefined && !hasInputFile(args)) || rest.length > 0)
    throw new UsageError(usageOf(command));
  const kind = readBackend(args, hostBackends);
  /** A GPU that does not answer is to hear of it as well. */
  const stop = new AbortController();
  const host = { threads: readThreads(args, kind), device: readDevice(args, kind), signal: stop.signal };
  return withModel(spec, kind, host, (model, checkpoint) =>
    generateIn(model, checkpoint, prompt, args, stop),
  );
}

export const command: Command = {
  name: 'generate',
  about: 'continue a prompt, steered or not',
  positionals: 'MODEL "prompt"',
  options: {
    ...sourceOptions,
    chat: { about: "write the prompt as a turn of a chat, by the model's template" },
    system: { value: 'TEXT', about: 'a system turn before it' },
    steer: { value: 'FILE', about: 'a steering: vectors, where and when (docs/steering.md)' },
    tokens: { value: 'N', about: 'new tokens at most; default 100' },
    temperature: { value: 'T', about: "0 for the most probable token; default the model's own, else 0" },
    'top-k': { value: 'K', about: 'keep the K most probable' },
    'top-p': { value: 'P', about: 'keep the most probable with this mass' },
    'min-p': { value: 'M', about: 'keep those at least this share of the most probable' },
    'typical-p': { value: 'M', about: 'keep the most typical with this mass' },
    'repetition-penalty': { value: 'X', about: 'divide the scores of tokens that have occurred' },
    'frequency-penalty': { value: 'X', about: 'subtracted for each time that the reply has a token' },
    'presence-penalty': { value: 'X', about: 'subtracted once from tokens that the reply has' },
    'no-repeat-ngram': { value: 'N', about: 'no run of N tokens occurs twice' },
    stop: { value: 'TEXT', about: 'end before this text', isRepeated: true },
    seed: { value: 'N', about: 'seed of the random numbers; default 0' },
    backend: hostBackendOption,
    device: deviceOption,
    threads: threadsOption,
  },
  notes: [modelNote],
  run,
};
