// The numbers of a result's vectors.

import { numbersOfText } from '../align/numbersText.ts';
import type { VectorResult } from './result.ts';

/** The vectors of a result, by site: [positions * width]. @throws ExperimentError when the result is damaged */
export function vectorData({ name, base64, sites, positions, width }: VectorResult): readonly Float32Array[] {
  const all = numbersOfText({ shape: [sites.length, positions, width], base64 }, name);
  const size = positions * width;
  return sites.map((_, at) => all.subarray(at * size, (at + 1) * size));
}
