// Rotary options from a configuration, in its old words (rope_theta, rope_scaling) or its new ones (rope_parameters), and
// the scalings with which models were stretched to longer sequences.

import type { ModelConfiguration } from '../checkpoint/checkpoint.ts';
import { UnsupportedModelError } from './architecture.ts';
import type { ConfigurationReader } from './configuration.ts';
import type { Pairing, RotaryOptions } from './rotary.ts';

export interface RotarySettings {
  /** Entries of a head. */
  readonly headWidth: number;
  /** Positions of the model: what scalings start from where they do not say. */
  readonly maxPositions: number;
  /**
   * Positions before the model was stretched, where the family's configuration has a default; as config.json itself, the
   * default wins over the rope options.
   */
  readonly originalPositions?: number;
  /** Share of a head that is rotated, where the rope options do not say; default all. */
  readonly fraction?: number;
  /** The base where nothing says it; default 10000. */
  readonly theta?: number;
  /** What the family calls the base in its old words; default `rope_theta`. */
  readonly thetaName?: string;
  readonly pairing?: Pairing;
  /** Of the tables, where a model has several. */
  readonly name?: string;
  /** Other words of the family for a scaling. */
  readonly synonyms?: Readonly<Record<string, string>>;
}

/** In config.json itself it wins over the rope options. */
const originalName = 'original_max_position_embeddings';

/** The options of a scaling, read with the name of what is wrong. */
interface Scaling {
  readonly type: string;
  readonly theta: number;
  readonly exactWidth: number;
  readonly maxPositions: number;
  /** What 1 is divided by for the plain frequencies, each rounded to float32. */
  readonly powers: readonly number[];
  readonly has: (name: string) => boolean;
  /** A positive number. @throws UnsupportedModelError when it is none */
  readonly number: (name: string, fallback?: number) => number;
  /** A positive number for each pair of entries. @throws UnsupportedModelError when it is none */
  readonly numbers: (name: string) => readonly number[];
  readonly flag: (name: string, fallback: boolean) => boolean;
  /** Positions of the model before it was stretched. @throws UnsupportedModelError when that is not a number */
  readonly originalPositions: () => number;
}

type Scaled = Pick<RotaryOptions, 'frequencies'> & Partial<Pick<RotaryOptions, 'amplitude' | 'long'>>;

const { fround } = Math;

/**
 * Low frequencies are divided by the factor, high ones kept, those between blended. Rounded to float32 at every step, as the
 * reference computes it: an angle grows with the position, and so does what its last bit is off.
 * @see Dubey et al. 2024, "The Llama 3 Herd of Models", and the reference implementation in transformers
 */
function llama3(frequencies: readonly number[], { number, originalPositions }: Scaling): Scaled {
  const factor = number('factor');
  const low = number('low_freq_factor');
  const high = number('high_freq_factor');
  const original = originalPositions();
  const scaled = (frequency: number): number => {
    const wavelength = fround(fround(1 / frequency) * fround(2 * Math.PI));
    if (wavelength > original / low) return fround(frequency / factor);
    if (wavelength < original / high) return frequency;
    const turns = fround(fround(1 / wavelength) * original);
    const blend = fround(fround(turns - low) / (high - low));
    const divided = fround(fround(fround(1 - blend) * frequency) / factor);
    return fround(divided + fround(blend * frequency));
  };
  return { frequencies: frequencies.map(scaled) };
}

/**
 * A ramp over the pairs from kept to divided frequencies, between the pairs that turn `beta_fast` and `beta_slow` times
 * in the original length; and a factor on cosine and sine.
 * @see Peng et al. 2023, "YaRN: Efficient Context Window Extension of Large Language Models"
 */
function yarn(frequencies: readonly number[], scaling: Scaling): Scaled {
  const { number, has, theta, exactWidth, powers } = scaling;
  const original = scaling.originalPositions();
  const factor = number('factor', scaling.maxPositions / original);
  const strength = (by: number) => (factor <= 1 ? 1 : 0.1 * by * Math.log(factor) + 1);
  const isRelative = has('mscale') && has('mscale_all_dim');
  const inferred = isRelative ? strength(number('mscale')) / strength(number('mscale_all_dim')) : strength(1);
  const pairTurning = (times: number) =>
    (exactWidth * Math.log(original / (times * 2 * Math.PI))) / (2 * Math.log(theta));
  const isWhole = scaling.flag('truncate', true);
  const fast = pairTurning(number('beta_fast', 32));
  const slow = pairTurning(number('beta_slow', 1));
  const from = Math.max(isWhole ? Math.floor(fast) : fast, 0);
  const to = Math.min(isWhole ? Math.ceil(slow) : slow, exactWidth - 1);
  const span = to === from ? 0.001 : to - from;
  return {
    amplitude: number('attention_factor', inferred),
    frequencies: frequencies.map((frequency, pair) => {
      const ramp = Math.min(Math.max(fround(fround(pair - fround(from)) / fround(span)), 0), 1);
      const kept = fround(1 - ramp);
      const divided = fround(1 / fround(factor * (powers[pair] ?? 1)));
      return fround(fround(divided * fround(1 - kept)) + fround(frequency * kept));
    }),
  };
}

/**
 * A divisor for each pair: one list for sequences of the original length, one for longer ones; and a factor on cosine
 * and sine at every length.
 * @see Ding et al. 2024, "LongRoPE: Extending LLM Context Window Beyond 2 Million Tokens"
 */
function longrope(_: readonly number[], scaling: Scaling): Scaled {
  const { number, numbers, powers } = scaling;
  const original = scaling.originalPositions();
  const factor = number('factor', scaling.maxPositions / original);
  const inferred = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  const divided = (name: string) => {
    const divisors = numbers(name);
    return powers.map((power, pair) => fround(1 / fround(fround(divisors[pair] ?? 1) * power)));
  };
  return {
    amplitude: number('attention_factor', inferred),
    frequencies: divided('short_factor'),
    long: { frequencies: divided('long_factor'), after: original },
  };
}

const scalings: Readonly<Record<string, (frequencies: readonly number[], scaling: Scaling) => Scaled>> = {
  default: (frequencies) => ({ frequencies }),
  linear: (frequencies, { number }) => {
    const factor = number('factor');
    return { frequencies: frequencies.map((frequency) => fround(frequency / factor)) };
  },
  llama3,
  yarn,
  longrope,
};

export function isSection(value: unknown): value is ModelConfiguration {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Rotary options of a model in which all layers turn alike. Where old and new words stand, the old ones win, as in
 * transformers.
 * @throws UnsupportedModelError for a scaling that is not known or lacks a number, and for parts that form no pairs
 */
export function readRotary(read: ConfigurationReader, settings: RotarySettings): RotaryOptions {
  const old = read.section('rope_scaling') ?? {};
  const options = Object.keys(old).length > 0 ? old : (read.section('rope_parameters') ?? {});
  const nested = Object.keys(options).find((name) => isSection(options[name]));
  if (nested !== undefined) {
    throw new UnsupportedModelError(
      `config.json gives rope options of their own to '${nested}'; ${read.modelType} models have the same in all layers.`,
    );
  }
  const theta = read.number(settings.thetaName ?? 'rope_theta', settings.theta ?? 10000);
  return rotaryFrom(read, options, { ...settings, theta });
}

/**
 * Rotary options of a family that turns whole heads.
 * @throws UnsupportedModelError as `readRotary`, and where a part of the head is asked for
 */
export function readWholeRotary(
  read: ConfigurationReader,
  settings: Omit<RotarySettings, 'fraction'>,
): RotaryOptions {
  const rotary = readRotary(read, settings);
  read.refuseUnless('partial_rotary_factor', [1], 'whole heads are rotated in this family.');
  if (rotary.exactWidth !== settings.headWidth) {
    throw new UnsupportedModelError(
      "config.json sets 'partial_rotary_factor', but whole heads are rotated in this family.",
    );
  }
  return rotary;
}

/**
 * Rotary options from one section of rope options.
 * @throws UnsupportedModelError as `readRotary`
 */
export function rotaryFrom(
  read: ConfigurationReader,
  options: ModelConfiguration,
  settings: RotarySettings,
): RotaryOptions {
  const {
    headWidth,
    maxPositions,
    originalPositions,
    fraction = 1,
    pairing = 'halves',
    name = 'rotary',
  } = settings;
  const said = String(options.rope_type ?? options.type ?? 'default');
  const type = settings.synonyms?.[said] ?? said;
  const refuse = (option: string, expected: string, value: unknown): never => {
    throw new UnsupportedModelError(
      `config.json: rope options of type '${said}' need '${option}' to be ${expected}; it is ${JSON.stringify(value)?.slice(0, 80) ?? 'missing'}.`,
    );
  };
  const isPositive = (value: unknown): value is number =>
    typeof value === 'number' && Number.isFinite(value) && value > 0;
  const number = (option: string, fallback?: number): number => {
    const value = options[option] ?? fallback;
    return isPositive(value) ? value : refuse(option, 'a positive number', value);
  };
  const theta = number('rope_theta', settings.theta ?? 10000);
  const share = number('partial_rotary_factor', fraction);
  const exactWidth = Math.trunc(headWidth * share);
  // A part of odd width is rounded up to whole pairs, while the exponents keep its exact width.
  const rotaryWidth = 2 * Math.ceil(exactWidth / 2);
  if (rotaryWidth === 0 || rotaryWidth > headWidth) {
    throw new UnsupportedModelError(
      `config.json: ${exactWidth} rotary entries (${share} of a head of ${headWidth}) do not form pairs within the head.`,
    );
  }
  const scale = Object.hasOwn(scalings, type) ? scalings[type] : undefined;
  if (!scale) {
    throw new UnsupportedModelError(
      `config.json asks for rope scaling '${type}', which is not supported. Known: ${Object.keys(scalings).join(', ')}.`,
    );
  }
  const numbers = (option: string): readonly number[] => {
    const value = options[option];
    return Array.isArray(value) && value.length === rotaryWidth / 2 && value.every(isPositive)
      ? value
      : refuse(option, `${rotaryWidth / 2} positive numbers`, value);
  };
  const flag = (option: string, fallback: boolean): boolean => {
    const value = options[option] ?? fallback;
    return typeof value === 'boolean' ? value : refuse(option, 'true or false', value);
  };
  const powers = plainPowers(theta, rotaryWidth, exactWidth);
  const scaled = scale(frequenciesOf(powers), {
    type,
    powers,
    theta,
    exactWidth,
    maxPositions,
    has: (option) => options[option] !== undefined && options[option] !== null,
    number,
    numbers,
    flag,
    originalPositions: () =>
      read.has(originalName) || originalPositions !== undefined
        ? read.size(originalName, originalPositions)
        : number(originalName, maxPositions),
  });
  return { name, pairing, rotaryWidth, exactWidth, amplitude: 1, ...scaled };
}

/** theta^(2 pair / width), rounded to float32 at every step, as the reference computes it. */
const plainPowers = (theta: number, rotaryWidth: number, exactWidth: number): readonly number[] =>
  Array.from({ length: rotaryWidth / 2 }, (_, pair) => fround(theta ** fround((2 * pair) / exactWidth)));

const frequenciesOf = (powers: readonly number[]): readonly number[] =>
  powers.map((power) => fround(1 / power));

/** Rotary options that no configuration says: the first `rotaryWidth` entries of a head, base 10000. */
export function plainRotary(rotaryWidth: number, pairing: Pairing): RotaryOptions {
  return {
    name: 'rotary',
    pairing,
    rotaryWidth,
    exactWidth: rotaryWidth,
    amplitude: 1,
    frequencies: frequenciesOf(plainPowers(10000, rotaryWidth, rotaryWidth)),
  };
}
