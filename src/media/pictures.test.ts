// Pictures as numbers, against what transformers makes of the same files (expected/make.py).

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { readPicture } from './pictureFile.ts';
import { pixelValues } from './pixelValues.ts';

const pathOf = (name: string): string => fileURLToPath(new URL(`./expected/${name}`, import.meta.url));
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(pathOf(name)));

const schema = v.object({
  transformers: v.string(),
  sounds: v.unknown(),
  pictures: v.array(
    v.object({
      file: v.string(),
      settings: v.record(v.string(), v.unknown()),
      shape: v.array(v.number()),
      values: v.array(v.number()),
    }),
  ),
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
  ['a crop', { do_center_crop: true }, /sets 'do_center_crop' to true, which Patchbay does not support/],
  ['a size by the shorter edge', { size: { shortest_edge: 8 } }, /sets 'size'/],
  [
    'another size than the model reads',
    { size: 9 },
    /The model reads 4 × 4 pixels, and its preprocessor_config.json gives 9 × 9/,
  ],
])('settings with %s are refused', (_, settings, sentence) => {
  expect(() => pixelValues(readPicture(bytesOf('dot.png'), 'x'), settings, [3, 4, 4])).toThrow(sentence);
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
    /names 'EfficientNetImageProcessor', and Patchbay does what ViTImageProcessor and BlipImageProcessor do/,
  );
});
