// Makes the corrupted runs: noise on the subject's embeddings, other tokens in its place, or embeddings that say nothing.

import { add } from '../../onnx/elementwise.ts';
import { gaussianNoise } from '../../random/noise.ts';
import { type Edit, type Fragment, PlanError, type Row, replace } from '../../runtime/plan/plan.ts';
import { ExperimentError } from '../experimentFile.ts';
import { cleanRow } from './plan.ts';
import type { ResolvedTrace } from './resolve.ts';

/** out = base + source */
export const addSource: Fragment = {
  key: 'add source',
  parameters: {},
  build: ({ base, source }) => {
    if (!source) throw new PlanError('An addition needs a source.');
    return add(base, source);
  },
};

/** Standard deviation over all entries, unbiased, as torch.std computes it. */
export function standardDeviation(values: Float32Array): number {
  let mean = 0;
  for (const value of values) mean += value / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return Math.sqrt(squares / (values.length - 1));
}

export interface CorruptedRuns {
  /** Standard deviation of the noise; null where there is none. */
  readonly level: number | null;
  /** One row a sample. */
  readonly rows: readonly Row[];
}

/** Noise of one sample: [subject tokens, width], the seed's numbers laid out as [samples, subject tokens, width]. */
function noiseRows(trace: ResolvedTrace, level: number, seed: number, width: number): readonly Row[] {
  const [from, to] = trace.subject;
  const each = (to - from) * width;
  const noise = gaussianNoise(seed, trace.samples * each, level);
  return Array.from({ length: trace.samples }, (_, sample) =>
    editedRow(trace, addSource, noise.subarray(sample * each, (sample + 1) * each)),
  );
}

function editedRow(trace: ResolvedTrace, fragment: Fragment, data: Float32Array): Row {
  const [from, to] = trace.subject;
  const positions = Array.from({ length: to - from }, (_, index) => from + index);
  const edit: Edit = {
    site: { component: 'embedding_output', layer: null },
    location: { positions },
    fragment,
    source: { kind: 'tensor', data },
  };
  return { ...cleanRow(trace), edits: [edit] };
}

/** The mean of rows, repeated. @param rows [length, width] @returns [count, width] */
function repeatedMean(rows: Float32Array, width: number, count: number): Float32Array {
  const length = rows.length / width;
  const mean = Float32Array.from({ length: width }, (_, column) => {
    let sum = 0;
    for (let row = 0; row < length; row++) sum += rows[row * width + column] ?? 0;
    return sum / length;
  });
  return Float32Array.from({ length: count * width }, (_, i) => mean[i % width] ?? 0);
}

/**
 * @param embeddings [length, width] of the prompt's tokens
 * @throws ExperimentError when the subject's embeddings have no spread and the level is a multiple of it
 */
export function corruptedRuns(trace: ResolvedTrace, embeddings: Float32Array): CorruptedRuns {
  const { corruption } = trace.experiment;
  const width = embeddings.length / trace.tokens.length;
  const [from, to] = trace.subject;
  switch (corruption.kind) {
    case 'noise': {
      const { level: given } = corruption;
      const level =
        typeof given === 'number'
          ? given
          : given.standardDeviations * standardDeviation(embeddings.subarray(from * width, to * width));
      if (!(level > 0)) {
        throw new ExperimentError(
          "The subject's embeddings are all alike, so a multiple of their standard deviation is no noise. Give the level as a number.",
        );
      }
      return { level, rows: noiseRows(trace, level, corruption.seed, width) };
    }
    case 'replace': {
      const tokens = [...trace.tokens];
      tokens.splice(from, to - from, ...(trace.replacement ?? []));
      return { level: null, rows: [{ start: { kind: 'tokens', tokens }, edits: [] }] };
    }
    case 'zero':
      return { level: null, rows: [editedRow(trace, replace, new Float32Array((to - from) * width))] };
    case 'mean':
      return { level: null, rows: [editedRow(trace, replace, repeatedMean(embeddings, width, to - from))] };
    default:
      return corruption satisfies never;
  }
}
