// Rotary position embedding: pairs of entries of a query or key are turned by an angle that grows with the position.

import type { ModelConfiguration } from '../checkpoint/checkpoint.ts';
import { multiplyDimensions } from '../onnx/dimension.ts';
import { add, mul, sub } from '../onnx/elementwise.ts';
import { concat, gather, reshape, slice, unsqueeze } from '../onnx/layout.ts';
import { sizeAt, type Value } from '../onnx/value.ts';
import { type PartScope, UnsupportedModelError, type WeightSource } from './architecture.ts';
import type { ConfigurationReader } from './configuration.ts';

/** Reads a number of the rope options, or says which is missing. */
function ropeNumber(options: ModelConfiguration, type: string, name: string): number {
  const value = options[name];
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new UnsupportedModelError(
      `config.json: rope scaling '${type}' needs the number '${name}'; it is ${JSON.stringify(value)}.`,
    );
  }
  return value;
}

/**
 * llama3's scaling: low frequencies are divided by the factor, high ones kept, those between blended.
 * @see Dubey et al. 2024, "The Llama 3 Herd of Models", and the reference implementation in transformers
 */
function llama3Frequency(frequency: number, options: ModelConfiguration): number {
  const factor = ropeNumber(options, 'llama3', 'factor');
  const low = ropeNumber(options, 'llama3', 'low_freq_factor');
  const high = ropeNumber(options, 'llama3', 'high_freq_factor');
  const original = ropeNumber(options, 'llama3', 'original_max_position_embeddings');
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength > original / low) return frequency / factor;
  if (wavelength < original / high) return frequency;
  const blend = (original / wavelength - low) / (high - low);
  return ((1 - blend) * frequency) / factor + blend * frequency;
}

export interface RotaryOptions {
  /** Entries of a head that are turned: the first ones. Even. */
  readonly rotaryWidth: number;
  readonly theta: number;
  readonly scaling: ModelConfiguration;
}

/** Angle per position of each pair of entries, [rotaryWidth / 2]. */
function frequencies({ rotaryWidth, theta, scaling }: RotaryOptions): readonly number[] {
  const type = scaling.rope_type ?? scaling.type ?? 'default';
  const plain = Array.from({ length: rotaryWidth / 2 }, (_, i) =>
    Math.fround(1 / Math.fround(theta ** ((2 * i) / rotaryWidth))),
  );
  switch (type) {
    case 'default':
      return plain;
    case 'linear': {
      const factor = ropeNumber(scaling, 'linear', 'factor');
      return plain.map((frequency) => Math.fround(frequency / factor));
    }
    case 'llama3':
      return plain.map((frequency) => Math.fround(llama3Frequency(frequency, scaling)));
    default:
      throw new UnsupportedModelError(
        `config.json asks for rope scaling '${type}', which is not supported. Known: default, linear, llama3.`,
      );
  }
}

/**
 * Rotary options from a configuration, in its old words (rope_theta, rope_scaling) or its new ones (rope_parameters).
 * @param headWidth entries of a head
 */
export function readRotary(
  read: ConfigurationReader,
  headWidth: number,
  fraction: number,
  thetaName = 'rope_theta',
): RotaryOptions {
  const parameters = read.section('rope_parameters');
  const scaling = parameters ?? read.section('rope_scaling') ?? {};
  const theta = parameters?.rope_theta ?? read.number(thetaName, 10000);
  if (typeof theta !== 'number' || !(theta > 0)) {
    throw new UnsupportedModelError(
      `config.json: rope_theta must be a positive number; it is ${JSON.stringify(theta)}.`,
    );
  }
  const share = parameters?.partial_rotary_factor ?? fraction;
  if (typeof share !== 'number' || !(share > 0 && share <= 1)) {
    throw new UnsupportedModelError(
      `config.json: partial_rotary_factor must lie in (0, 1]; it is ${JSON.stringify(share)}.`,
    );
  }
  const rotaryWidth = Math.trunc(headWidth * share);
  if (rotaryWidth % 2 !== 0 || rotaryWidth === 0) {
    throw new UnsupportedModelError(
      `config.json: the ${rotaryWidth} rotary entries of a head of ${headWidth} do not form pairs.`,
    );
  }
  const options = { rotaryWidth, theta, scaling };
  frequencies(options); // Refuses an unknown scaling now rather than at the first run.
  return options;
}

/** The weight inputs `rotary.cos` and `rotary.sin`: tables [positions, rotaryWidth / 2]. */
export function rotaryWeights(options: RotaryOptions): Record<string, WeightSource> {
  const half = options.rotaryWidth / 2;
  const table = (key: string, f: (angle: number) => number): WeightSource => ({
    kind: 'positions',
    key,
    width: half,
    rows: (count) => {
      const turn = frequencies(options);
      // The angle is rounded to float32 first, as the reference computes it.
      return Float32Array.from({ length: count * half }, (_, at) =>
        f(Math.fround(Math.floor(at / half) * (turn[at % half] ?? 0))),
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
