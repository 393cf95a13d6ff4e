// Rotary position embedding: pairs of entries of a query or key are turned by an angle that grows with the position.

import type { ModelConfiguration } from '../checkpoint/checkpoint.ts';
import { multiplyDimensions } from '../onnx/dimension.ts';
import { add, mul, sub } from '../onnx/elementwise.ts';
import { concat, gather, reshape, slice, unsqueeze } from '../onnx/layout.ts';
import { sizeAt, type Value } from '../onnx/value.ts';
import { type PartScope, UnsupportedModelError, type WeightSource } from './architecture.ts';
import type { ConfigurationReader } from './configuration.ts';

export interface RotaryOptions {
  /** Entries of a head that are turned: the first ones. Even. */
  readonly rotaryWidth: number;
  /** The same before it was rounded up to whole pairs: the share that the configuration asks for. */
  readonly exactWidth: number;
  /** Angle per position of each pair of entries, [rotaryWidth / 2]. */
  readonly frequencies: readonly number[];
}

/** In config.json itself it wins over the rope options. */
const originalName = 'original_max_position_embeddings';

interface Scaling {
  readonly type: string;
  /** A positive number of the scaling's options. @throws UnsupportedModelError when it is none */
  readonly number: (name: string, fallback?: number) => number;
  /** Positions of the model before it was stretched. @throws UnsupportedModelError when that is no number */
  readonly originalPositions: () => number;
}

/**
 * llama3's scaling: low frequencies are divided by the factor, high ones kept, those between blended.
 * @see Dubey et al. 2024, "The Llama 3 Herd of Models", and the reference implementation in transformers
 */
function llama3Frequency(frequency: number, { number, originalPositions }: Scaling): number {
  const factor = number('factor');
  const low = number('low_freq_factor');
  const high = number('high_freq_factor');
  const original = originalPositions();
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength > original / low) return frequency / factor;
  if (wavelength < original / high) return frequency;
  const blend = (original / wavelength - low) / (high - low);
  return ((1 - blend) * frequency) / factor + blend * frequency;
}

function scale(frequency: number, scaling: Scaling): number {
  switch (scaling.type) {
    case 'default':
      return frequency;
    case 'linear':
      return frequency / scaling.number('factor');
    case 'llama3':
      return llama3Frequency(frequency, scaling);
    default:
      throw new UnsupportedModelError(
        `config.json asks for rope scaling '${scaling.type}', which is not supported. Known: default, linear, llama3.`,
      );
  }
}

export interface RotarySettings {
  /** Entries of a head. */
  readonly headWidth: number;
  /** Share of them that is turned, where the rope options do not say. */
  readonly fraction: number;
  /** What the family calls the base in its old words. */
  readonly thetaName: string;
  /** Positions of the model: what llama3's scaling starts from where it does not say. */
  readonly maxPositions: number;
}

/**
 * Rotary options from a configuration, in its old words (rope_theta, rope_scaling) or its new ones (rope_parameters).
 * Where both stand, the old ones win, as in transformers.
 * @throws UnsupportedModelError for a scaling that is not known or lacks a number, and for parts that form no pairs
 */
export function readRotary(read: ConfigurationReader, settings: RotarySettings): RotaryOptions {
  const { headWidth, fraction, thetaName, maxPositions } = settings;
  const old = read.section('rope_scaling') ?? {};
  const options: ModelConfiguration =
    Object.keys(old).length > 0 ? old : (read.section('rope_parameters') ?? {});
  const nested = Object.keys(options).find((name) => isSection(options[name]));
  if (nested !== undefined) {
    throw new UnsupportedModelError(
      `config.json gives rope options of their own to '${nested}'; ${read.modelType} models have the same in all layers.`,
    );
  }
  const type = options.rope_type ?? options.type ?? 'default';
  const number = (name: string, fallback?: number): number => {
    const value = options[name] ?? fallback;
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
      throw new UnsupportedModelError(
        `config.json: rope options of type '${type}' need '${name}' to be a positive number; it is ${JSON.stringify(value) ?? 'missing'}.`,
      );
    }
    return value;
  };
  const theta = number('rope_theta', read.number(thetaName, 10000));
  const share = number('partial_rotary_factor', fraction);
  const exactWidth = Math.trunc(headWidth * share);
  // A part of odd width is rounded up to whole pairs, while the exponents keep its exact width.
  const rotaryWidth = 2 * Math.ceil(exactWidth / 2);
  if (rotaryWidth === 0 || rotaryWidth > headWidth) {
    throw new UnsupportedModelError(
      `config.json: ${exactWidth} rotary entries (${share} of a head of ${headWidth}) do not form pairs within the head.`,
    );
  }
  const scaling: Scaling = {
    type: String(type),
    number,
    originalPositions: () =>
      read.has(originalName) ? read.size(originalName) : number(originalName, maxPositions),
  };
  // Rounded to float32 at every step, as the reference computes it.
  const frequencies = Array.from({ length: rotaryWidth / 2 }, (_, pair) => {
    const power = Math.fround(theta ** Math.fround((2 * pair) / exactWidth));
    return Math.fround(scale(Math.fround(1 / power), scaling));
  });
  return { rotaryWidth, exactWidth, frequencies };
}

function isSection(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The weight inputs `rotary.cos` and `rotary.sin`: tables [positions, rotaryWidth / 2]. */
export function rotaryWeights(options: RotaryOptions): Record<string, WeightSource> {
  const half = options.rotaryWidth / 2;
  const table = (key: string, f: (angle: number) => number): WeightSource => ({
    kind: 'positions',
    key,
    width: half,
    rows: (count) => {
      // The angle is rounded to float32 first, as the reference computes it.
      return Float32Array.from({ length: count * half }, (_, at) =>
        f(Math.fround(Math.floor(at / half) * (options.frequencies[at % half] ?? 0))),
      );
    },
  });
  return { 'rotary.cos': table('rotary.cos', Math.cos), 'rotary.sin': table('rotary.sin', Math.sin) };
}

/**
 * Turn the first `rotaryWidth` entries of each head; entry i is paired with entry i + rotaryWidth / 2.
 *
 *     [a, b] -> [a cos - b sin, b cos + a sin]
 *
 * @param x [tokens, heads * headWidth]
 * @see Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding"
 */
export function rotate(x: Value, heads: number, scope: PartScope, { rotaryWidth }: RotaryOptions): Value {
  const tokens = sizeAt(x.shape, 0);
  const width = sizeAt(x.shape, 1);
  const headWidth = Number(width) / heads;
  const half = rotaryWidth / 2;
  const byHead = reshape(x, [tokens, heads, headWidth]);
  const cos = unsqueeze(gather(scope.weight('rotary.cos'), scope.positions, 0), [1]);
  const sin = unsqueeze(gather(scope.weight('rotary.sin'), scope.positions, 0), [1]);
  const a = slice(byHead, 2, 0, half);
  const b = slice(byHead, 2, half, rotaryWidth);
  const turned = [sub(mul(a, cos), mul(b, sin)), add(mul(b, cos), mul(a, sin))];
  const rest = rotaryWidth < headWidth ? [slice(byHead, 2, rotaryWidth, headWidth)] : [];
  return reshape(concat([...turned, ...rest], 2), [tokens, multiplyDimensions(heads, headWidth)]);
}
