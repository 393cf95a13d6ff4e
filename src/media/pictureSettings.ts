// What a preprocessor_config.json asks for, read whole: which size, which part, which scale. What is not honoured is refused by
// name, entries that nobody here has heard of included, because they may change the numbers.

import * as v from 'valibot';
import { quoted } from '../messages/wording.ts';
import { MediaError } from './mediaError.ts';
import type { Size } from './pictureParts.ts';
import { type Filter, filters } from './resample.ts';

const sideSchema = v.pipe(v.number(), v.integer(), v.minValue(1));
const sidesSchema = v.strictObject({ height: sideSchema, width: sideSchema });
const perChannel = v.union([v.number(), v.array(v.number())]);

const entries = {
  do_resize: v.nullish(v.boolean(), true),
  size: v.nullish(v.union([sideSchema, sidesSchema, v.strictObject({ shortest_edge: sideSchema })])),
  default_to_square: v.nullish(v.boolean()),
  resample: v.nullish(v.picklist([1, 2, 3])),
  do_center_crop: v.nullish(v.boolean()),
  crop_size: v.nullish(v.union([sideSchema, sidesSchema])),
  do_rescale: v.nullish(v.boolean(), true),
  rescale_factor: v.nullish(v.number(), 1 / 255),
  do_normalize: v.nullish(v.boolean(), true),
  image_mean: v.nullish(perChannel),
  image_std: v.nullish(perChannel),
  do_convert_rgb: v.nullish(v.boolean(), false),
  data_format: v.nullish(v.picklist(['channels_first', 'FIRST'])),
};
const schema = v.looseObject(entries);

/** Entries that say who wrote the file and for whom, and nothing of the numbers. */
const silent = new Set([
  'image_processor_type',
  'feature_extractor_type',
  'processor_class',
  'auto_map',
  'model_input_names',
  '_valid_processor_keys',
  'return_tensors',
  'transformers_version',
  'device',
]);

interface Defaults {
  readonly resample: 2 | 3;
  readonly image_mean: readonly number[];
  readonly image_std: readonly number[];
  /** Whether a size of one number is that of both sides; of the shorter one where it is not. */
  readonly default_to_square?: false;
  readonly size?: { readonly shortest_edge: number };
  readonly crop_size?: number;
}

const half = { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] };
const ofClip = {
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
};
const cropped: Defaults = {
  ...ofClip,
  resample: 3,
  default_to_square: false,
  size: { shortest_edge: 224 },
  crop_size: 224,
};

/** What the processors of transformers take where the file does not say, by the beginning of their names. */
const defaults = {
  ViT: { ...half, resample: 2 },
  Blip: { ...ofClip, resample: 3 },
  CLIP: cropped,
  ChineseCLIP: cropped,
  Bit: cropped,
  DeiT: { ...half, resample: 3, crop_size: 224 },
  MobileNetV1: {
    ...half,
    resample: 2,
    default_to_square: false,
    size: { shortest_edge: 256 },
    crop_size: 224,
  },
  Pvt: { resample: 3, image_mean: [0.485, 0.456, 0.406], image_std: [0.229, 0.224, 0.225] },
  Siglip: { ...half, resample: 3, default_to_square: false },
} satisfies Readonly<Record<string, Defaults>>;

const processors = Object.keys(defaults).join(', ');

const numbersInstead = "Make the numbers with transformers, and give them in the picture's place.";

/** @throws MediaError for a processor that is not one of those, which may do more to a picture than its settings say */
function defaultsOf(settings: Readonly<Record<string, unknown>>, family: string): Defaults {
  const named = settings.image_processor_type ?? settings.feature_extractor_type;
  if (named === undefined || named === null) return family === 'blip' ? defaults.Blip : defaults.ViT;
  const [, kind = ''] = /^(\w+?)(?:ImageProcessor|FeatureExtractor)(?:Fast|Pil)?$/.exec(String(named)) ?? [];
  const known = Object.entries(defaults).find(([name]) => name === kind);
  if (known) return known[1];
  throw new MediaError(
    `preprocessor_config.json names ${quoted(String(named))}, and Patchbay does what the image processors of these do: ${processors}. ${numbersInstead}`,
  );
}

const refuseEntry = (name: string, value: unknown): never => {
  throw new MediaError(
    `preprocessor_config.json sets '${name}' to ${JSON.stringify(value ?? null)}, which Patchbay does not support. ${numbersInstead}`,
  );
};

export interface PictureSettings {
  /** Both sides, or the shorter one; undefined where the picture keeps its size, `model` where it takes the model's. */
  readonly size: Size | { readonly shortestEdge: number } | 'model' | undefined;
  readonly filter: Filter;
  /** The middle of what was resized. */
  readonly crop: Size | undefined;
  readonly scale: number;
  /** One a channel; undefined where nothing is normalised. */
  readonly normal: { readonly means: readonly number[]; readonly deviations: readonly number[] } | undefined;
}

/** One number a channel. @throws MediaError for a list of another length */
function channelsOf(name: string, value: number | readonly number[], channels: number): readonly number[] {
  const list = typeof value === 'number' ? [value] : value;
  const [first = 0] = list;
  if (list.every((each) => each === first)) return Array.from({ length: channels }, () => first);
  if (list.length === channels) return list;
  throw new MediaError(
    `preprocessor_config.json sets '${name}' to ${list.length} numbers, and the model reads ${channels === 1 ? 'one channel' : `${channels} channels`}. Give one for each.`,
  );
}

const squareOf = (size: number | Size): Size =>
  typeof size === 'number' ? { height: size, width: size } : { height: size.height, width: size.width };

/** @param isSquare whether one number is that of both sides */
function sizeAsked(
  size: number | Size | { readonly shortest_edge: number } | undefined,
  isSquare: boolean,
): PictureSettings['size'] {
  if (size === undefined) return 'model';
  if (typeof size !== 'number' && 'shortest_edge' in size) return { shortestEdge: size.shortest_edge };
  return typeof size === 'number' && !isSquare ? { shortestEdge: size } : squareOf(size);
}

/**
 * @param settings of preprocessor_config.json
 * @param channels that the model reads: 3 of colours, or 1 of grey
 * @param family   of the model: where the file names no processor, it is the family's
 * @throws MediaError for what is not honoured, or absent altogether
 */
export function pictureSettings(
  settings: Readonly<Record<string, unknown>> | undefined,
  channels: number,
  family: string,
): PictureSettings {
  if (!settings)
    throw new MediaError(
      'The model brings no preprocessor_config.json, which says how pixels become numbers. Fetch that file too.',
    );
  const parsed = v.safeParse(schema, settings);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const path = issue.path?.map(({ key }) => String(key)) ?? [];
    // Of a size that is one of several, what is said is what stands there.
    return refuseEntry(path.join('.'), issue.path?.at(-1)?.value);
  }
  for (const [name, value] of Object.entries(settings)) {
    const isOff = value === undefined || value === null || value === false;
    if (!isOff && !Object.hasOwn(entries, name) && !silent.has(name)) refuseEntry(name, value);
  }
  if (channels !== 3 && channels !== 1)
    throw new MediaError(
      `The model reads ${channels} channels; a picture has 3, or 1 where it is made grey. Give numbers in its place.`,
    );
  const { output } = parsed;
  if (channels === 1 && output.do_convert_rgb)
    throw new MediaError(
      "preprocessor_config.json sets 'do_convert_rgb' to true, which gives 3 channels, and the model reads one. Set it to false.",
    );
  const usual = defaultsOf(settings, family);
  const isSquare = output.default_to_square ?? usual.default_to_square ?? true;
  const isCropped = output.do_center_crop ?? usual.crop_size !== undefined;
  const crop = output.crop_size ?? usual.crop_size;
  if (isCropped && crop === undefined)
    throw new MediaError(
      "preprocessor_config.json sets 'do_center_crop' to true and no 'crop_size', so it is not said how much of the picture is left. Give it.",
    );
  return {
    size: output.do_resize ? sizeAsked(output.size ?? usual.size, isSquare) : undefined,
    filter: filters[output.resample ?? usual.resample],
    crop: isCropped && crop !== undefined ? squareOf(crop) : undefined,
    scale: output.do_rescale ? output.rescale_factor : 1,
    normal: output.do_normalize
      ? {
          means: channelsOf('image_mean', output.image_mean ?? usual.image_mean, channels),
          deviations: channelsOf('image_std', output.image_std ?? usual.image_std, channels),
        }
      : undefined,
  };
}
