// From a picture to the numbers that a model reads: its size, its scale and its normalisation, as preprocessor_config.json has
// them. What is not honoured is refused by name.

import * as v from 'valibot';
import { quoted } from '../messages/wording.ts';
import { MediaError } from './mediaError.ts';
import { filters, type Pixels, resample } from './resample.ts';

const three = v.pipe(v.array(v.number()), v.length(3));
const sideSchema = v.pipe(v.number(), v.integer(), v.minValue(1));
const schema = v.looseObject({
  do_resize: v.nullish(v.boolean(), true),
  size: v.nullish(v.union([sideSchema, v.strictObject({ height: sideSchema, width: sideSchema })])),
  resample: v.nullish(v.union([v.literal(1), v.literal(2), v.literal(3)])),
  do_rescale: v.nullish(v.boolean(), true),
  rescale_factor: v.nullish(v.number(), 1 / 255),
  do_normalize: v.nullish(v.boolean(), true),
  image_mean: v.nullish(three),
  image_std: v.nullish(three),
  do_center_crop: v.nullish(v.literal(false)),
  do_pad: v.nullish(v.literal(false)),
  crop_pct: v.nullish(v.undefined()),
});

/** What the processors of transformers take where the file does not say, by the beginning of their names. */
const defaults = {
  ViT: { resample: 2, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] },
  Blip: {
    resample: 3,
    image_mean: [0.48145466, 0.4578275, 0.40821073],
    image_std: [0.26862954, 0.26130258, 0.27577711],
  },
} as const;

/** @throws MediaError for a processor that is not one of those, which may do more to a picture than its settings say */
function defaultsOf(settings: Readonly<Record<string, unknown>>, family: string) {
  const named = settings.image_processor_type ?? settings.feature_extractor_type;
  const [, kind] = /^(ViT|Blip)(?:ImageProcessor|FeatureExtractor)/.exec(String(named)) ?? [];
  if (kind === 'ViT' || kind === 'Blip') return defaults[kind];
  if (named === undefined || named === null) return defaults[family === 'blip' ? 'Blip' : 'ViT'];
  throw new MediaError(
    `preprocessor_config.json names ${quoted(String(named))}, and Patchbay does what ViTImageProcessor and BlipImageProcessor do. Make the numbers with transformers, and give them to the library.`,
  );
}

/**
 * @param settings of preprocessor_config.json
 * @param shape    of the model's input, [3, height, width]
 * @param family   of the model: where the file names no processor, it is the family's
 * @returns        [3, height, width], row-major
 * @throws MediaError when the settings are not honoured here, or give another size than the model reads
 */
export function pixelValues(
  picture: Pixels,
  settings: Readonly<Record<string, unknown>> | undefined,
  [channels = 3, height = 1, width = 1]: readonly number[],
  family = 'vit',
): Float32Array {
  if (!settings)
    throw new MediaError(
      'The model brings no preprocessor_config.json, which says how pixels become numbers. Fetch that file too.',
    );
  const parsed = v.safeParse(schema, settings);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const name = issue.path?.map(({ key }) => String(key)).join('.') ?? '';
    throw new MediaError(
      `preprocessor_config.json sets '${name}' to ${JSON.stringify(issue.path?.at(-1)?.value ?? null)}, which Patchbay does not support.`,
    );
  }
  if (channels !== 3) throw new MediaError(`The model reads ${channels} channels; a picture has 3.`);
  const { do_resize, size, do_rescale, rescale_factor, do_normalize } = parsed.output;
  const usual = defaultsOf(settings, family);
  const filter = parsed.output.resample ?? usual.resample;
  const means = parsed.output.image_mean ?? usual.image_mean;
  const deviations = parsed.output.image_std ?? usual.image_std;
  const wanted = typeof size === 'number' ? { height: size, width: size } : (size ?? { height, width });
  const resized = do_resize ? resample(picture, wanted, filters[filter]) : picture;
  if (resized.height !== height || resized.width !== width)
    throw new MediaError(
      `The model reads ${width} × ${height} pixels, and its preprocessor_config.json gives ${resized.width} × ${resized.height}.`,
    );
  const scale = do_rescale ? rescale_factor : 1;
  const values = new Float32Array(3 * height * width);
  for (let channel = 0; channel < 3; channel++) {
    const mean = do_normalize ? (means[channel] ?? 0) : 0;
    const deviation = do_normalize ? (deviations[channel] ?? 1) : 1;
    for (let pixel = 0; pixel < height * width; pixel++)
      values[channel * height * width + pixel] =
        ((resized.data[pixel * 3 + channel] ?? 0) * scale - mean) / deviation;
  }
  return values;
}
