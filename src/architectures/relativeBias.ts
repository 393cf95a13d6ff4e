// Relative position buckets: a number for each head is added to a score for how far the key lies from the query, near
// distances one by one, far ones together in buckets that grow with the logarithm.

import { add, cast, greater, less, mul, sub, where } from '../onnx/elementwise.ts';
import { gather, reshape, transpose, unsqueeze } from '../onnx/layout.ts';
import { int32 } from '../onnx/value.ts';
import { type BlockScope, nowhere, tensor, type WeightSource } from './architecture.ts';
import type { PositionBias } from './attention.ts';

export interface Buckets {
  readonly count: number;
  /** Distances from here on share the last bucket. */
  readonly furthest: number;
  /** Keys behind the query have buckets of their own, half of them. */
  readonly isBidirectional: boolean;
}

const { fround, log } = Math;

/**
 * The bucket of a distance on one side of the query, in float32 as the models were trained.
 * @see Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer"
 */
export function bucketOf(distance: number, { count, furthest, isBidirectional }: Buckets): number {
  const buckets = isBidirectional ? Math.floor(count / 2) : count;
  const exact = Math.floor(buckets / 2);
  if (distance < exact) return distance;
  const share = fround(fround(log(fround(distance / exact))) / fround(log(furthest / exact)));
  return Math.min(buckets - 1, exact + Math.trunc(fround(share * (buckets - exact))));
}

/** @param path of the table [buckets, heads] that all layers of a stack share */
export function relativeBias(path: string, heads: number, buckets: Buckets): PositionBias {
  const table: WeightSource = {
    kind: 'positions',
    key: buckets.isBidirectional ? 'buckets' : 'buckets before',
    width: 1,
    rows: (length) => Float32Array.from({ length }, (_, distance) => bucketOf(distance, buckets)),
  };
  return {
    weights: { buckets: table, bias: tensor(`${path}.weight`, buckets.count, heads) },
    build: ({ weight, batch: { keyPositions, queryPositions } }: BlockScope) => {
      // Padding has no row in the table; it is masked whatever is added. Keys behind a decoder's query are too.
      const known = where(less(keyPositions, int32(nowhere)), keyPositions, int32(0));
      const asked = where(less(queryPositions, int32(0)), int32(0), queryPositions);
      const offset = sub(unsqueeze(known, [1]), unsqueeze(asked, [2]));
      // There is no absolute value of whole numbers on WebGPU.
      const distance = where(less(offset, int32(0)), sub(int32(0), offset), offset);
      const flat = gather(reshape(weight('buckets'), ['table']), distance, 0);
      const bucket = cast(flat, 'int32');
      const after = mul(cast(greater(offset, int32(0)), 'int32'), int32(Math.floor(buckets.count / 2)));
      const place = buckets.isBidirectional ? add(bucket, after) : bucket;
      // Heads first: with them last, ONNX Runtime takes the transposition for one of layouts and leaves it to the CPU.
      return transpose(gather(transpose(weight('bias'), [1, 0]), place, 1), [1, 0, 2, 3]);
    },
  };
}
