// From a sound to the features that Whisper hears: the power of each band of frequencies in short windows, in logarithms, no
// further than eight powers of ten below the loudest.

import * as v from 'valibot';
import { MediaError } from './mediaError.ts';
import type { Sound } from './wav.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const schema = v.looseObject({
  feature_size: v.nullish(count, 80),
  sampling_rate: v.nullish(count, 16000),
  hop_length: v.nullish(count, 160),
  n_fft: v.nullish(v.pipe(count, v.maxValue(4096), v.multipleOf(2)), 400),
  dither: v.nullish(v.literal(0)),
  do_normalize: v.nullish(v.literal(false)),
  padding_value: v.nullish(v.literal(0)),
});

/** Slaney's scale: even below 1000 Hz, logarithmic above. */
const melOf = (hertz: number): number =>
  hertz < 1000 ? (3 * hertz) / 200 : 15 + (Math.log(hertz / 1000) * 27) / Math.log(6.4);
const hertzOf = (mel: number): number =>
  mel < 15 ? (200 * mel) / 3 : 1000 * Math.exp((Math.log(6.4) / 27) * (mel - 15));

/** Where the bands end, whatever the rate. */
const highest = 8000;

/** Triangles over the frequencies of a transform, each of the same area: [bands][bins]. */
function filterBank(bands: number, bins: number, rate: number): readonly Float64Array[] {
  const top = Math.floor(rate / 2);
  const edges = Array.from({ length: bands + 2 }, (_, at) => hertzOf((melOf(highest) * at) / (bands + 1)));
  return Array.from({ length: bands }, (_, band) => {
    const [low = 0, middle = 0, high = 0] = edges.slice(band, band + 3);
    return Float64Array.from({ length: bins }, (__, bin) => {
      const hertz = (top * bin) / (bins - 1);
      const height = Math.min((hertz - low) / (middle - low), (high - hertz) / (high - middle));
      return (Math.max(0, height) * 2) / (high - low);
    });
  });
}

/** |DFT|² of a windowed frame, at the frequencies from 0 to half the rate. */
function powerSpectrum(size: number): (frame: Float64Array) => Float64Array {
  const angle = (2 * Math.PI) / size;
  const cosine = Float64Array.from({ length: size }, (_, at) => Math.cos(angle * at));
  const sine = Float64Array.from({ length: size }, (_, at) => Math.sin(angle * at));
  return (frame) =>
    Float64Array.from({ length: size / 2 + 1 }, (_, bin) => {
      let [real, imaginary] = [0, 0];
      for (let at = 0, turn = 0; at < size; at++, turn = (turn + bin) % size) {
        real += (frame[at] ?? 0) * (cosine[turn] ?? 0);
        imaginary += (frame[at] ?? 0) * (sine[turn] ?? 0);
      }
      return real * real + imaginary * imaginary;
    });
}

type Settings = Readonly<Record<string, unknown>> | undefined;

/** @throws MediaError when they are not honoured here */
function readSettings(settings: Settings): v.InferOutput<typeof schema> {
  const parsed = v.safeParse(schema, settings ?? {});
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const name = issue.path?.map(({ key }) => String(key)).join('.') ?? '';
  throw new MediaError(
    `preprocessor_config.json sets '${name}' to ${JSON.stringify(issue.path?.at(-1)?.value ?? null)}, which Patchbay does not support.`,
  );
}

/**
 * How much of a sound a model hears, as `logMel` is told.
 * @returns seconds
 * @throws MediaError when the settings are not honoured here
 */
export function heardSeconds(settings: Settings, [, frames = 1]: readonly number[]): number {
  const { hop_length: hop, sampling_rate: rate } = readSettings(settings);
  return (frames * hop) / rate;
}

/**
 * @param settings of preprocessor_config.json
 * @param shape    of the model's input, [bands, frames]; what is longer is cut, what is shorter followed by silence
 * @returns        [bands, frames], row-major
 * @throws MediaError when the settings are not honoured here, or the sound has another rate than they ask for
 */
export function logMel(
  { rate, samples }: Sound,
  settings: Settings,
  [bands = 1, frames = 1]: readonly number[],
): Float32Array {
  const { feature_size, sampling_rate, hop_length: hop, n_fft: size } = readSettings(settings);
  if (feature_size !== bands)
    throw new MediaError(
      `The model hears ${bands} bands, and its preprocessor_config.json makes ${feature_size}.`,
    );
  if (rate !== sampling_rate)
    throw new MediaError(
      `The sound has ${rate} samples a second, and the model hears ${sampling_rate}. Convert it: ffmpeg -i FILE -ar ${sampling_rate} out.wav`,
    );
  const length = frames * hop;
  const half = size / 2;
  /** Silence behind the sound; at both ends it is mirrored. */
  const sampleAt = (at: number): number => {
    const inside = at < 0 ? -at : at >= length ? 2 * (length - 1) - at : at;
    return samples[inside] ?? 0;
  };
  const window = Float64Array.from(
    { length: size },
    (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / size),
  );
  const spectrumOf = powerSpectrum(size);
  const filters = filterBank(bands, half + 1, rate);
  const quietest = -10;
  const features = new Float32Array(bands * frames).fill(quietest);
  let loudest = quietest;
  for (let frame = 0; frame < frames; frame++) {
    const first = frame * hop - half;
    if (first >= samples.length && first + size <= length) continue;
    const power = spectrumOf(window.map((weight, at) => weight * sampleAt(first + at)));
    filters.forEach((filter, band) => {
      const sum = filter.reduce((total, weight, bin) => total + weight * (power[bin] ?? 0), 0);
      const level = Math.log10(Math.max(10 ** quietest, sum));
      features[band * frames + frame] = level;
      loudest = Math.max(loudest, level);
    });
  }
  return features.map((level) => (Math.max(level, loudest - 8) + 4) / 4);
}
