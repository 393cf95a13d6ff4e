// Sounds as features, against what transformers makes of the same file (expected/make.py).

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { logMel } from './logMel.ts';
import { readWav } from './wav.ts';

const pathOf = (name: string): string => fileURLToPath(new URL(`./expected/${name}`, import.meta.url));
const tone = (): Uint8Array => new Uint8Array(readFileSync(pathOf('tone.wav')));

const schema = v.looseObject({
  sounds: v.array(
    v.object({
      file: v.string(),
      settings: v.record(v.string(), v.unknown()),
      shape: v.array(v.number()),
      values: v.array(v.number()),
    }),
  ),
});
const { sounds } = v.parse(schema, JSON.parse(readFileSync(pathOf('expected.json'), 'utf8')));

test.each(sounds)('$file as $shape features', ({ settings, shape, values }) => {
  const rate = Number(settings.sampling_rate ?? 16000);
  const found = logMel({ ...readWav(tone(), 'x'), rate }, settings, shape);
  expect(found.length).toBe(values.length);
  const gap = found.reduce((most, value, at) => Math.max(most, Math.abs(value - (values[at] ?? 0))), 0);
  expect(gap).toBeLessThan(1e-4);
});

/** The file with other bytes at a place. */
function changed(at: number, ...bytes: readonly number[]): Uint8Array {
  const file = tone();
  file.set(bytes, at);
  return file;
}

test('other ways of writing samples are read: 8, 24 and 32 bits, and floating point', () => {
  const frames = (bits: number, format: number, bytes: readonly number[]): Uint8Array => {
    const file = new Uint8Array(44 + bytes.length);
    file.set(tone().subarray(0, 44));
    const view = new DataView(file.buffer);
    view.setUint16(20, format, true);
    view.setUint16(22, 1, true);
    view.setUint16(34, bits, true);
    view.setUint32(40, bytes.length, true);
    file.set(bytes, 44);
    return file;
  };
  const samples = (...args: Parameters<typeof frames>) => [...readWav(frames(...args), 'x').samples];
  expect(samples(8, 1, [128, 192, 0])).toEqual([0, 0.5, -1]);
  expect(samples(24, 1, [0, 0, 0x40, 0, 0, 0xc0])).toEqual([0.5, -0.5]);
  expect(samples(32, 1, [0, 0, 0, 0x20])).toEqual([0.25]);
  expect(samples(32, 3, [...new Uint8Array(Float32Array.of(-0.75).buffer)])).toEqual([-0.75]);
});

test.each<[string, () => Uint8Array, RegExp]>([
  ['a text', () => new TextEncoder().encode('no sound'), /'x' is no WAV file\. Convert it/],
  ['a file without samples', () => tone().slice(0, 44), /'x' holds no sound/],
  ['another code', () => changed(20, 0x55, 0), /coded as format 85 of 16 bits, which is not read/],
])('%s is refused', (_, bytes, sentence) => {
  expect(() => readWav(bytes(), 'x')).toThrow(sentence);
});

test.each<[string, Record<string, unknown>, RegExp]>([
  [
    'another rate',
    { sampling_rate: 8000, feature_size: 4 },
    /has 16000 samples a second, and the model hears 8000/,
  ],
  ['other bands', { feature_size: 5 }, /hears 4 bands, and its preprocessor_config\.json makes 5/],
  ['noise', { dither: 0.1, feature_size: 4 }, /sets 'dither' to 0\.1/],
])('settings with %s are refused', (_, settings, sentence) => {
  expect(() => logMel(readWav(tone(), 'x'), settings, [4, 10])).toThrow(sentence);
});
