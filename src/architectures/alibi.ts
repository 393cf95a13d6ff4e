// ALiBi: instead of position embeddings, each head adds to a score a number that grows with the key's position, steeply in
// the first heads and hardly in the last. Softmax takes away what all keys of a query share, so that the distance counts.

import { less, where } from '../onnx/elementwise.ts';
import { gather, transpose, unsqueeze } from '../onnx/layout.ts';
import { int32 } from '../onnx/value.ts';
import { type BlockScope, nowhere, type WeightSource } from './architecture.ts';
import type { PositionBias } from './attention.ts';

/** What `attention_scores` are. */
export const alibiScores = 'with the bias by position added';

/**
 * Slopes of the heads: 2^(-8 i / n) for i from 1 on; where the number of heads is no power of two, those of the power
 * below it, then every second one of its double.
 * @see Press et al. 2022, "Train Short, Test Long: Attention with Linear Biases Enables Input Length Extrapolation"
 */
export function alibiSlopes(heads: number): readonly number[] {
  const power = 2 ** Math.floor(Math.log2(heads));
  const slopes = (count: number, of: number, step: number) =>
    Array.from({ length: count }, (_, i) => 2 ** ((-8 * (1 + i * step)) / of));
  return [...slopes(power, power, 1), ...slopes(heads - power, 2 * power, 2)];
}

/** @param entry the number that a head of this slope adds at a key's position */
export function alibi(heads: number, entry: (slope: number, position: number) => number): PositionBias {
  const slopes = alibiSlopes(heads);
  const table: WeightSource = {
    kind: 'positions',
    key: 'alibi',
    width: heads,
    rows: (count) =>
      Float32Array.from({ length: count * heads }, (_, at) =>
        entry(slopes[at % heads] ?? 0, Math.floor(at / heads)),
      ),
  };
  return {
    weights: { alibi: table },
    build: ({ weight, batch: { keyPositions } }: BlockScope) => {
      // Padding has no row in the table; it is masked whatever is added.
      const positions = where(less(keyPositions, int32(nowhere)), keyPositions, int32(0));
      return unsqueeze(transpose(gather(weight('alibi'), positions, 0), [0, 2, 1]), [2]);
    },
  };
}

/** The nearest number that bfloat16 holds, ties to even. */
export function bfloat16(x: number): number {
  const bits = new Uint32Array(Float32Array.of(x).buffer);
  const kept = bits[0] ?? 0;
  bits[0] = (kept + 0x7fff + ((kept >>> 16) & 1)) & 0xffff0000;
  return new Float32Array(bits.buffer)[0] ?? 0;
}
