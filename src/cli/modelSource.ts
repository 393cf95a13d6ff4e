// What a model reads beside a text, or in place of one: a picture, a sound, or the source of an encoder-decoder.

import { readFile } from 'node:fs/promises';
import { type Architecture, firstInput, type ModelInput } from '../architectures/architecture.ts';
import type { Checkpoint, Tokenizer } from '../checkpoint/checkpoint.ts';
import { heardSeconds, logMel } from '../media/logMel.ts';
import { MediaError } from '../media/mediaError.ts';
import { readPicture } from '../media/pictureFile.ts';
import { pixelValues } from '../media/pixelValues.ts';
import { readWav } from '../media/wav.ts';
import { quoted, reasonOf } from '../messages/wording.ts';
import type { RowSource, RowStart } from '../runtime/plan/plan.ts';
import { UsageError } from './arguments.ts';
import type { Arguments, CommandOption } from './command.ts';
import { readIds } from './promptIds.ts';

export const sourceOptions: Readonly<Record<string, CommandOption>> = {
  image: {
    value: 'FILE',
    about: 'a PNG or JPEG picture, for a model that reads one; the text is then what it writes',
  },
  sound: { value: 'FILE', about: 'a WAV file, for a model that hears one' },
  target: {
    value: 'TEXT',
    about:
      'what the decoder of a model of two stacks has written so far, when the text is its source; beside --ids as ids',
  },
};

async function bytesOf(path: string): Promise<Uint8Array> {
  return readFile(path).catch((error: unknown) => {
    throw new MediaError(`${quoted(path)} cannot be read: ${reasonOf(error)}.`);
  });
}

async function pictureData(
  path: string,
  checkpoint: Checkpoint,
  { shape }: ModelInput,
  family: string,
): Promise<Float32Array> {
  const picture = readPicture(await bytesOf(path), path);
  const { width, height, hasTransparency } = picture;
  if (hasTransparency)
    console.error(`Note: ${quoted(path)} is transparent in places; the colours beneath are used.`);
  if (width < 8 || height < 8)
    console.error(
      `Note: ${quoted(path)} has ${width} × ${height} pixels, which are stretched to ${shape[2]} × ${shape[1]}.`,
    );
  return pixelValues(picture, await checkpoint.preprocessor?.(), shape, family);
}

async function soundData(path: string, checkpoint: Checkpoint, { shape }: ModelInput): Promise<Float32Array> {
  const sound = readWav(await bytesOf(path), path);
  const settings = await checkpoint.preprocessor?.();
  const features = logMel(sound, settings, shape);
  const heard = heardSeconds(settings, shape);
  const seconds = sound.samples.length / sound.rate;
  if (seconds > heard)
    console.error(
      `Note: ${quoted(path)} is ${seconds.toFixed(1)} seconds long, of which the model hears the first ${heard}.`,
    );
  return features;
}

/** How a model's input is given: the option that names its file, and how the file is read. */
const inputFiles = {
  image: { option: 'image', what: 'a picture', verb: 'reads', read: pictureData },
  sound: { option: 'sound', what: 'a sound', verb: 'hears', read: soundData },
} as const;

/** What the model reads of a command line. */
export interface ReadSource {
  readonly start: RowStart;
  /** What the decoder, or the only stack, reads; empty for a classifier of pictures. */
  readonly tokens: readonly number[];
  readonly source?: RowSource;
}

/** Ids of a text without the tokenizer's own template: the decoder's start token stands before it. */
const written = (tokenizer: Tokenizer | undefined, text: string | undefined): readonly number[] =>
  text === undefined || text === '' ? [] : (tokenizer?.encode(text, { addSpecialTokens: false }) ?? []);

/** @throws UsageError for an option that the model has no use for, or one that it lacks */
function checkOptions(
  { input, encoder, modelType }: Architecture,
  args: Arguments,
  text: string | undefined,
): void {
  const read = firstInput({ ...(input ? { input } : {}), ...(encoder ? { encoder } : {}) });
  for (const [kind, { option, what, verb }] of Object.entries(inputFiles)) {
    const isGiven = args.text(option) !== undefined;
    if (read?.kind === kind && !isGiven)
      throw new UsageError(`A ${modelType} model ${verb} ${what}. Give --${option} FILE.`);
    if (read?.kind !== kind && isGiven)
      throw new UsageError(`A ${modelType} model ${verb} no ${what.slice(2)}; leave out --${option}.`);
  }
  if (args.text('target') !== undefined && !(encoder && !encoder.input))
    throw new UsageError(
      encoder
        ? 'Beside a file the text is already what the decoder has written; leave out --target.'
        : `A ${modelType} model has one stack, and so no target beside its text; leave out --target.`,
    );
  if (input && text !== undefined)
    throw new UsageError(`A ${modelType} model reads a picture alone; leave out the text.`);
  if (encoder && !encoder.input && text === undefined)
    throw new UsageError(
      read
        ? `A ${modelType} model answers a question about a picture: give the question as the text.`
        : `A ${modelType} model writes a target from a source: give the source as the text.`,
    );
}

/** Whether the command line names a file that stands for a text. */
export const hasInputFile = (args: Arguments): boolean =>
  Object.values(inputFiles).some(({ option }) => args.text(option) !== undefined);

/**
 * @param text what stands on the command line, as text or as ids
 * @returns undefined for a model of one stack that reads tokens
 * @throws UsageError where the command line does not fit the model; MediaError for a file that cannot be read
 */
export async function readSource(
  {
    architecture,
    checkpoint,
    tokenizer,
    args,
  }: {
    readonly architecture: Architecture;
    readonly checkpoint: Checkpoint;
    readonly tokenizer: Tokenizer | undefined;
    readonly args: Arguments;
  },
  text: string | readonly number[] | undefined,
): Promise<ReadSource | undefined> {
  const { input, encoder } = architecture;
  checkOptions(architecture, args, typeof text === 'string' ? text : text?.join(' '));
  if (!input && !encoder) return undefined;
  const dataOf = (read: ModelInput): Promise<Float32Array> => {
    const { option, read: readFileOf } = inputFiles[read.kind];
    return readFileOf(args.text(option) ?? '', checkpoint, read, architecture.family);
  };
  if (input) return { start: { kind: 'input', data: await dataOf(input) }, tokens: [] };
  if (!encoder) return undefined;
  const ids = typeof text === 'string' ? undefined : text;
  const seen = encoder.encoder?.input;
  const source: RowSource = encoder.input
    ? { kind: 'input', data: await dataOf(encoder.input) }
    : {
        kind: 'tokens',
        tokens: ids ?? tokenizer?.encode(typeof text === 'string' ? text : '') ?? [],
        ...(seen ? { source: { kind: 'input', data: await dataOf(seen) } } : {}),
      };
  const target = args.text('target');
  const targetIds = ids && target !== undefined ? readIds(target, 'target') : undefined;
  const said = encoder.input
    ? (ids ?? written(tokenizer, typeof text === 'string' ? text : undefined))
    : (targetIds ?? written(tokenizer, target));
  const tokens = [encoder.startToken, ...said];
  return { start: { kind: 'tokens', tokens, source }, tokens, source };
}
