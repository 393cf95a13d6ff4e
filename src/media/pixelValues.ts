// From a picture to the numbers that a model reads: its size, its middle, its scale and its normalisation, as
// preprocessor_config.json has them.

import { MediaError } from './mediaError.ts';
import {
  centreCrop,
  inGrey,
  type SeenPart,
  type Size,
  seenPart,
  sizeByShortestEdge,
} from './pictureParts.ts';
import { type PictureSettings, pictureSettings } from './pictureSettings.ts';
import { type Pixels, resample } from './resample.ts';

export interface PictureNumbers {
  /** [channels, height, width], row-major */
  readonly data: Float32Array;
  readonly shape: readonly [number, number, number];
  /** Which part of the picture they are of. */
  readonly seen: SeenPart;
}

/** What the model reads; a side that is undefined may be of any length. */
export interface PictureInput {
  readonly channels: number;
  readonly height?: number | undefined;
  readonly width?: number | undefined;
}

/** The size that a picture is brought to before its middle is cut out. @throws MediaError where nobody says which */
function resizedTo(own: Size, { size }: PictureSettings, { height, width }: PictureInput): Size {
  if (size === undefined) return { height: own.height, width: own.width };
  if (size !== 'model') return 'shortestEdge' in size ? sizeByShortestEdge(own, size.shortestEdge) : size;
  if (height !== undefined && width !== undefined) return { height, width };
  throw new MediaError(
    'The model takes pictures of any size, and its preprocessor_config.json does not say which they were. Give it: "size": {"height": 224, "width": 224}.',
  );
}

/** As many pixels as a file may have. */
const mostPixels = 50e6;

/** @throws MediaError before more is made of a picture than anything holds */
function requirePixels({ height, width }: Size): Size {
  if (height * width <= mostPixels) return { height, width };
  throw new MediaError(
    `preprocessor_config.json makes ${width} × ${height} pixels of the picture, which is more than ${mostPixels / 1e6} million. Give a picture whose sides are more alike, or a smaller 'size'.`,
  );
}

/** Which part of a picture of some size the model sees. @throws MediaError when the settings are not honoured here */
export function seenOf(
  own: Size,
  settings: Readonly<Record<string, unknown>> | undefined,
  input: PictureInput,
  family = 'vit',
): SeenPart {
  const asked = pictureSettings(settings, input.channels, family);
  return seenPart(resizedTo(own, asked, input), asked.crop);
}

/**
 * @param settings of preprocessor_config.json
 * @param family   of the model: where the file names no processor, it is the family's
 * @throws MediaError when the settings are not honoured here, or give another size than the model reads
 */
export function pictureNumbers(
  picture: Pixels,
  settings: Readonly<Record<string, unknown>> | undefined,
  input: PictureInput,
  family = 'vit',
): PictureNumbers {
  const { channels } = input;
  const asked = pictureSettings(settings, channels, family);
  const to = requirePixels(resizedTo(picture, asked, input));
  if (asked.crop) requirePixels(asked.crop);
  const resized = resample(channels === 1 ? inGrey(picture) : picture, to, asked.filter);
  const cut = asked.crop ? centreCrop(resized, asked.crop) : resized;
  const { height, width } = cut;
  if (height !== (input.height ?? height) || width !== (input.width ?? width))
    throw new MediaError(
      `The model reads ${input.width ?? 'any'} × ${input.height ?? 'any'} pixels, and its preprocessor_config.json gives ${width} × ${height}.`,
    );
  const data = new Float32Array(channels * height * width);
  for (let channel = 0; channel < channels; channel++) {
    const mean = asked.normal?.means[channel] ?? 0;
    const deviation = asked.normal?.deviations[channel] ?? 1;
    for (let pixel = 0; pixel < height * width; pixel++)
      data[channel * height * width + pixel] =
        ((cut.data[pixel * 3 + channel] ?? 0) * asked.scale - mean) / deviation;
  }
  return { data, shape: [channels, height, width], seen: seenPart(to, asked.crop) };
}

/**
 * As `pictureNumbers`, of a model that reads one size.
 * @param shape [channels, height, width]
 */
export function pixelValues(
  picture: Pixels,
  settings: Readonly<Record<string, unknown>> | undefined,
  [channels = 3, height = 1, width = 1]: readonly number[],
  family?: string,
): Float32Array {
  return pictureNumbers(picture, settings, { channels, height, width }, family).data;
}
