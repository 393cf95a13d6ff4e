// Makes the corrupted runs: noise on the subject's embeddings, other tokens in its place, or embeddings that say nothing. The
// subject may be tokens, patches of a picture or a stretch of a sound: positions of one stack, with embeddings of its own.

import { add } from '../../onnx/elementwise.ts';
import { gaussianNoise } from '../../random/noise.ts';
import { type Edit, type Fragment, PlanError, type Row, replace } from '../../runtime/plan/plan.ts';
import { ExperimentError } from '../experimentFile.ts';
import { corruptedInput } from './cells.ts';
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

/** Positions that are corrupted, of the stack that reads them. */
export function corruptedPositions(trace: Pick<ResolvedTrace, 'subject' | 'input' | 'picture'>) {
  const { subject } = trace;
  if (subject === null) return corruptedInput(trace)?.corrupted ?? [];
  const [from, to] = subject;
  return Array.from({ length: to - from }, (_, index) => from + index);
}

/** Rows of a matrix. */
function rowsAt(matrix: Float32Array, rows: readonly number[], width: number): Float32Array {
  const picked = new Float32Array(rows.length * width);
  rows.forEach((row, at) => {
    picked.set(matrix.subarray(row * width, (row + 1) * width), at * width);
  });
  return picked;
}

export interface CorruptedRuns {
  /** Standard deviation of the noise; null where there is none. */
  readonly level: number | null;
  /** One row a sample. */
  readonly rows: readonly Row[];
}

/** Noise of one sample: [subject, width], the seed's numbers laid out as [samples, subject, width]. */
function noiseRows(trace: ResolvedTrace, level: number, seed: number, width: number): readonly Row[] {
  const each = corruptedPositions(trace).length * width;
  const noise = gaussianNoise(seed, trace.samples * each, level);
  return Array.from({ length: trace.samples }, (_, sample) =>
    editedRow(trace, addSource, noise.subarray(sample * each, (sample + 1) * each)),
  );
}

function editedRow(trace: ResolvedTrace, fragment: Fragment, data: Float32Array): Row {
  const edit: Edit = {
    site: { component: trace.embedding, layer: null },
    location: { positions: corruptedPositions(trace) },
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
 * @param embeddings [length, width] of what the corrupted stack reads
 * @throws ExperimentError when the subject's embeddings have no spread and the level is a multiple of it
 */
export function corruptedRuns(trace: ResolvedTrace, embeddings: Float32Array): CorruptedRuns {
  const { corruption } = trace.experiment;
  const positions = corruptedPositions(trace);
  const length = trace.subject === null ? (corruptedInput(trace)?.length ?? 1) : trace.tokens.length;
  const width = embeddings.length / length;
  const count = positions.length;
  switch (corruption.kind) {
    case 'noise': {
      const { level: given } = corruption;
      const level =
        typeof given === 'number'
          ? given
          : given.standardDeviations * standardDeviation(rowsAt(embeddings, positions, width));
      if (!(level > 0)) {
        throw new ExperimentError(
          "The subject's embeddings are all alike, so a multiple of their standard deviation is no noise. Give the level as a number.",
        );
      }
      return { level, rows: noiseRows(trace, level, corruption.seed, width) };
    }
    case 'replace':
    case 'exchange':
      if (!trace.replaced) throw new Error('Nothing stands in the place of the subject.');
      return { level: null, rows: [{ start: trace.replaced, edits: [] }] };
    case 'zero':
      return { level: null, rows: [editedRow(trace, replace, new Float32Array(count * width))] };
    case 'mean':
      return { level: null, rows: [editedRow(trace, replace, repeatedMean(embeddings, width, count))] };
    default:
      return corruption satisfies never;
  }
}
