// Rotary position embedding: pairs of entries of a query or key are rotated by an angle that grows with the position.

import { multiplyDimensions } from '../onnx/dimension.ts';
import { add, greater, mul, sub, where } from '../onnx/elementwise.ts';
import { concat, gather, reshape, slice, unsqueeze } from '../onnx/layout.ts';
import { int32, sizeAt, type Value } from '../onnx/value.ts';
import type { PartScope, WeightSource } from './architecture.ts';

/** Which entry of the rotated part is paired with entry i: that half of the part further on, or its neighbour. */
export type Pairing = 'halves' | 'neighbours';

export interface RotaryOptions {
  /** Of the tables, where a model has several. */
  readonly name: string;
  readonly pairing: Pairing;
  /** Entries of a head that are rotated: the first ones. Even. */
  readonly rotaryWidth: number;
  /** The same before it was rounded up to whole pairs: the share that the configuration asks for. */
  readonly exactWidth: number;
  /** Angle per position of each pair of entries, [rotaryWidth / 2]. */
  readonly frequencies: readonly number[];
  /** Factor on cosine and sine. */
  readonly amplitude: number;
  /** Other frequencies, for all positions of a sequence of more than `after`. */
  readonly long?: { readonly frequencies: readonly number[]; readonly after: number };
}

/** The weight inputs `NAME.cos` and `NAME.sin`, and those of long sequences: tables [positions, rotaryWidth / 2]. */
export function rotaryWeights(options: RotaryOptions): Record<string, WeightSource> {
  const half = options.rotaryWidth / 2;
  const tables = (name: string, frequencies: readonly number[], after?: number) => {
    const table = (key: string, f: (angle: number) => number): [string, WeightSource] => [
      key,
      {
        kind: 'positions',
        key,
        width: half,
        ...(after === undefined ? {} : { after }),
        // The angle is rounded to float32 first, as the reference computes it.
        rows: (count) =>
          Float32Array.from(
            { length: count * half },
            (_, at) =>
              options.amplitude * f(Math.fround(Math.floor(at / half) * (frequencies[at % half] ?? 0))),
          ),
      },
    ];
    return [table(`${name}.cos`, Math.cos), table(`${name}.sin`, Math.sin)];
  };
  return Object.fromEntries([
    ...tables(options.name, options.frequencies),
    ...(options.long ? tables(`${options.name}.long`, options.long.frequencies, options.long.after) : []),
  ]);
}

/** The cosine or sine of each token's angles, [tokens, 1, rotaryWidth / 2]. */
function ofTokens(scope: PartScope, { name, long }: RotaryOptions, f: 'cos' | 'sin'): Value {
  const at = (table: string) => gather(scope.weight(`${table}.${f}`), scope.positions, 0);
  if (!long) return unsqueeze(at(name), [1]);
  const isLong = unsqueeze(greater(scope.lengths, int32(long.after)), [1]);
  return unsqueeze(where(isLong, at(`${name}.long`), at(name)), [1]);
}

/**
 * Turn the first `rotaryWidth` entries of each head.
 *
 *     [a, b] -> [a cos - b sin, b cos + a sin]
 *
 * @param x [tokens, heads * headWidth]
 * @see Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding"
 */
export function rotate(x: Value, heads: number, scope: PartScope, options: RotaryOptions): Value {
  const { rotaryWidth, pairing } = options;
  const tokens = sizeAt(x.shape, 0);
  const headWidth = Number(sizeAt(x.shape, 1)) / heads;
  const half = rotaryWidth / 2;
  const byHead = reshape(x, [tokens, heads, headWidth]);
  const cos = ofTokens(scope, options, 'cos');
  const sin = ofTokens(scope, options, 'sin');
  const rotated = (a: Value, b: Value) => [sub(mul(a, cos), mul(b, sin)), add(mul(b, cos), mul(a, sin))];
  const rest = rotaryWidth < headWidth ? [slice(byHead, 2, rotaryWidth, headWidth)] : [];
  const flat = (parts: readonly Value[]) =>
    reshape(concat([...parts, ...rest], 2), [tokens, multiplyDimensions(heads, headWidth)]);
  if (pairing === 'halves')
    return flat(rotated(slice(byHead, 2, 0, half), slice(byHead, 2, half, rotaryWidth)));
  const pairs = reshape(slice(byHead, 2, 0, rotaryWidth), [tokens, heads, half, 2]);
  const member = (i: number) => reshape(slice(pairs, 3, i, i + 1), [tokens, heads, half]);
  const interleaved = concat(
    rotated(member(0), member(1)).map((value) => unsqueeze(value, [3])),
    3,
  );
  return flat([reshape(interleaved, [tokens, heads, rotaryWidth])]);
}
