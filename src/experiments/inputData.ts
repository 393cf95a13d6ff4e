// From the picture or the sound of an experiment to the numbers that a model reads. What reads files of pictures and sounds is
// loaded only where there is one.

import { type Architecture, firstInput } from '../architectures/architecture.ts';
import type { ModelConfiguration } from '../checkpoint/checkpoint.ts';
import type { SeenPart } from '../media/pictureParts.ts';
import { quoted } from '../messages/wording.ts';
import { bytesOfGiven, type GivenFile, nameOf } from './givenFile.ts';
import { KeptInputs } from './keptInputs.ts';
import type { Notice } from './notice.ts';
import { checkParts, type PromptParts } from './wholePrompt.ts';

export interface InputData {
  /** Of the shape of the model's input. */
  readonly data: Float32Array;
  /** Of a second picture or sound that stands in a part of its place. */
  readonly other?: Float32Array;
  /** How much of a sound the model hears. */
  readonly seconds?: number;
  /** Which part of a picture the model sees. */
  readonly seen?: SeenPart;
  readonly notices: readonly Notice[];
}

/** Room for what was read last: a hundred pictures of some hundreds of kilobytes. Of more, all are read again every time. */
const roomBytes = 128 * 2 ** 20;

const kept = new KeptInputs<InputData>(roomBytes, ({ data }) => data.byteLength);

/** Sides of a picture, in pixels, below which it is hardly one. */
const leastSide = 8;

type Settings = ModelConfiguration | undefined;

async function pictureData(
  image: GivenFile,
  settings: Settings,
  shape: readonly number[],
  family: string,
): Promise<InputData> {
  const { readPicture, pictureNumbers } = await import('../media/pictures.ts');
  const name = nameOf(image);
  const picture = readPicture(bytesOfGiven(image, 'the picture'), name);
  const { width, height, hasTransparency } = picture;
  const [channels = 3, rows = 0, columns = 0] = shape;
  const notices: Notice[] = [];
  if (hasTransparency)
    notices.push({
      code: 'picture-changed',
      text: `${quoted(name)} is transparent in places; the colours beneath are used.`,
    });
  if (width < leastSide || height < leastSide)
    notices.push({
      code: 'picture-changed',
      text: `${quoted(name)} has ${width} × ${height} pixels, of which the ${columns} × ${rows} that the model reads are made.`,
    });
  const input = { channels, height: rows, width: columns };
  const { data, seen } = pictureNumbers(picture, settings, input, family);
  return { data, seen, notices };
}

async function soundData(sound: GivenFile, settings: Settings, shape: readonly number[]): Promise<InputData> {
  const { heardSeconds, logMel, readWav } = await import('../media/sounds.ts');
  const name = nameOf(sound);
  const wave = readWav(bytesOfGiven(sound, 'the sound'), name);
  const heard = heardSeconds(settings, shape);
  const seconds = wave.samples.length / wave.rate;
  const notices: readonly Notice[] =
    seconds > heard
      ? [
          {
            code: 'sound-cut-short',
            text: `${quoted(name)} is ${seconds.toFixed(1)} seconds long, of which the model hears the first ${heard}.`,
          },
        ]
      : [];
  return { data: logMel(wave, settings, shape), seconds: heard, notices };
}

/**
 * @param preprocessor what the model's files say of pictures and sounds
 * @returns undefined for a model that reads tokens alone
 * @throws ExperimentError for what the model does not read, MediaError for a file that cannot be read
 */
export async function readInput(
  architecture: Architecture,
  parts: PromptParts,
  preprocessor: () => Promise<ModelConfiguration | undefined>,
): Promise<InputData | undefined> {
  checkParts(architecture, parts);
  const read = firstInput(architecture);
  const given = parts.image ?? parts.sound;
  if (!read || !given) return undefined;
  const settings = await preprocessor();
  const { family } = architecture;
  const context = JSON.stringify([settings ?? null, read.shape, family, read.kind]);
  const from = read.kind === 'image' ? pictureData : soundData;
  return kept.get(given, context, () => from(given, settings, read.shape, family));
}
