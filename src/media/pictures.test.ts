// Pictures as numbers, against what transformers makes of the same files (expected/make.py).

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { readPicture } from './pictureFile.ts';
import { pictureNumbers, pixelValues, seenOf } from './pixelValues.ts';

const pathOf = (name: string): string => fileURLToPath(new URL(`./expected/${name}`, import.meta.url));
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(pathOf(name)));

const cases = v.array(
  v.object({
    file: v.string(),
    settings: v.record(v.string(), v.unknown()),
    shape: v.array(v.number()),
    values: v.array(v.number()),
  }),
);
const schema = v.object({
  transformers: v.string(),
  sounds: v.unknown(),
  pictures: cases,
  cropped: cases,
});
const expected = v.parse(schema, JSON.parse(readFileSync(pathOf('expected.json'), 'utf8')));

test.each(expected.pictures)('$file as $settings', ({ file, settings, shape, values }) => {
  const found = pixelValues(readPicture(bytesOf(file), file), settings, shape);
  expect(found.length).toBe(values.length);
  // JPEG leaves the last bit of a pixel to whoever unpacks it.
  const level = (settings.do_rescale === false ? 1 : 1 / 255) / (settings.do_normalize === false ? 1 : 0.25);
  const bound = file.endsWith('.jpg') ? 1.5 * level : 2e-5;
  const gap = found.reduce((most, value, at) => Math.max(most, Math.abs(value - (values[at] ?? 0))), 0);
  expect(gap).toBeLessThan(bound);
});

test.each(expected.cropped)('$file as $settings, in float64', ({ file, settings, shape, values }) => {
  const [channels = 3, height, width] = shape;
  const picture = readPicture(bytesOf(file), file);
  const found = pictureNumbers(picture, settings, { channels, height, width });
  expect(found.shape).toEqual(shape);
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  const gap = found.data.reduce((most, value, at) => Math.max(most, Math.abs(value - (values[at] ?? 0))), 0);
  expect(gap).toBeLessThan(2e-7 * largest);
  // A model that takes any size gets the size that the settings give.
  expect(pictureNumbers(picture, settings, { channels }).shape).toEqual(shape);
});

test('which part of a picture is seen is said in parts of its sides', () => {
  const own = { width: 40, height: 20 };
  const input = { channels: 3 };
  // 40 × 20 becomes 20 × 10, of which the middle 8 × 8 begins at 6 and 1.
  const settings = { size: { shortest_edge: 10 }, do_center_crop: true, crop_size: 8 };
  expect(seenOf(own, settings, input)).toEqual({ left: 0.3, top: 0.1, width: 0.4, height: 0.8 });
  expect(seenOf(own, { size: 9 }, input)).toEqual({ left: 0, top: 0, width: 1, height: 1 });
  // A middle that is larger than the picture begins before it.
  expect(seenOf(own, { ...settings, crop_size: { height: 12, width: 20 } }, input)).toEqual({
    left: 0,
    top: -0.1,
    width: 1,
    height: 1.2,
  });
});

test('only a picture with transparent pixels says so', () => {
  expect(readPicture(bytesOf('transparent.png'), 'a').hasTransparency).toBe(true);
  expect(readPicture(bytesOf('wide.png'), 'a').hasTransparency).toBe(false);
});

/** A PNG that claims a size and holds nothing. */
function hugePng(): Uint8Array {
  const bytes = bytesOf('dot.png');
  new DataView(bytes.buffer).setUint32(16, 10_000);
  new DataView(bytes.buffer).setUint32(20, 10_000);
  return bytes;
}

test.each<[string, () => Uint8Array, RegExp]>([
  [
    'a text',
    () => new TextEncoder().encode('this is no picture, whatever its name says'),
    /'x' is neither a PNG nor a JPEG/,
  ],
  ['nothing', () => new Uint8Array(), /neither a PNG nor a JPEG/],
  ['a hundred megapixels', hugePng, /has 10000 × 10000 pixels, which is more than 50 million/],
  ['a PNG that breaks off', () => bytesOf('wide.png').slice(0, 300), /'x' cannot be read as a picture: /],
  ['a JPEG that breaks off', () => bytesOf('small.jpg').slice(0, 200), /'x' cannot be read as a picture: /],
])('%s is refused', (_, bytes, sentence) => {
  expect(() => readPicture(bytes(), 'x')).toThrow(sentence);
});

test.each<[string, Record<string, unknown> | undefined, RegExp]>([
  ['no settings', undefined, /brings no preprocessor_config\.json/],
  ['a crop of no size', { do_center_crop: true }, /sets 'do_center_crop' to true and no 'crop_size'/],
  [
    'two edges',
    { size: { shortest_edge: 8, longest_edge: 9 } },
    /sets 'size' to \{"shortest_edge":8,"longest_edge":9\}, which Patchbay does not support/,
  ],
  ['the nearest pixel', { resample: 0 }, /sets 'resample' to 0, which/],
  ['padding', { do_pad: true }, /sets 'do_pad' to true, which/],
  ['a share that is cropped', { crop_pct: 0.9 }, /sets 'crop_pct' to 0.9, which/],
  [
    'an entry that nobody here knows',
    { do_flip_channel_order: true },
    /sets 'do_flip_channel_order' to true/,
  ],
  ['another layout', { data_format: 'channels_last' }, /sets 'data_format' to "channels_last"/],
  ['two means', { image_mean: [0.1, 0.2] }, /'image_mean' to 2 numbers, and the model reads 3 channels/],
  ['billions of pixels', { size: { height: 1e6, width: 1e6 } }, /makes 1000000 × 1000000 pixels/],
  ['a middle of billions', { do_center_crop: true, crop_size: 1e6 }, /makes 1000000 × 1000000 pixels/],
  [
    'another size than the model reads',
    { size: 9 },
    /The model reads 4 × 4 pixels, and its preprocessor_config.json gives 9 × 9/,
  ],
])('settings with %s are refused', (_, settings, sentence) => {
  expect(() => pixelValues(readPicture(bytesOf('dot.png'), 'x'), settings, [3, 4, 4])).toThrow(sentence);
});

test('a model that reads one channel gets the picture in grey, and one mean', () => {
  const dot = readPicture(bytesOf('dot.png'), 'x');
  const grey = (settings: Record<string, unknown>) =>
    pixelValues(dot, { size: 1, ...settings }, [1, 1, 1])[0];
  // (200 × 19595 + 30 × 38470 + 90 × 7471 + 32768) / 65536 is 88.
  expect(grey({ do_rescale: false, do_normalize: false })).toBe(88);
  expect(grey({})).toBeCloseTo((88 / 255 - 0.5) / 0.5, 6);
  expect(() => grey({ image_mean: [0.1, 0.2, 0.3] })).toThrow(
    /'image_mean' to 3 numbers, and the model reads one channel/,
  );
  expect(() => grey({ do_convert_rgb: true })).toThrow(/gives 3 channels, and the model reads one/);
  expect(() => pixelValues(dot, { size: 1 }, [4, 1, 1])).toThrow(/reads 4 channels; a picture has 3/);
});

test('entries that say nothing of the numbers, or that are off, are passed over', () => {
  const dot = readPicture(bytesOf('dot.png'), 'x');
  const settings = { size: 1, do_pad: false, crop_pct: null, processor_class: 'A', do_thumbnail: false };
  expect(pixelValues(dot, settings, [3, 1, 1])).toEqual(pixelValues(dot, { size: 1 }, [3, 1, 1]));
});

test('what a file leaves out is what the processor that it names takes, or the family’s', () => {
  const dot = readPicture(bytesOf('dot.png'), 'x');
  const means = (settings: Record<string, unknown>, family?: string) =>
    [0, 1, 2].map((channel) => pixelValues(dot, { size: 1, ...settings }, [3, 1, 1], family)[channel]);
  // (200, 30, 90) / 255, less the mean, over the deviation: of ViT 0.5 and 0.5, of BLIP those of CLIP.
  const vit = [0.568627, -0.764706, -0.294118];
  const blip = [1.127423, -1.301864, -0.200414];
  const close = (found: readonly (number | undefined)[], expected: readonly number[]) =>
    expected.forEach((value, at) => {
      expect(found[at]).toBeCloseTo(value, 5);
    });
  close(means({}), vit);
  close(means({ image_processor_type: 'ViTImageProcessor' }, 'blip'), vit);
  close(means({ image_processor_type: 'BlipImageProcessorFast' }), blip);
  close(means({ feature_extractor_type: 'ViTFeatureExtractor' }), vit);
  close(means({}, 'blip'), blip);
  expect(() => means({ image_processor_type: 'EfficientNetImageProcessor' })).toThrow(
    /names 'EfficientNetImageProcessor', and Patchbay does what the image processors of these do: ViT, Blip, CLIP/,
  );
});
