// What an experiment measures of a prediction, reduced on the device to a dozen numbers a row: enough for every metric
// that a figure may show, so that choosing another metric needs no new run. The metrics are pure views of the numbers.

import * as v from 'valibot';
import { add, cast, exp, greater, log, mul, sub } from '../onnx/elementwise.ts';
import { concat, gather, slice } from '../onnx/layout.ts';
import { reduceSum, topK } from '../onnx/reduction.ts';
import { constant, sizeAt, type Value } from '../onnx/value.ts';
import type { ReadResult, Reduction } from '../runtime/plan/plan.ts';
import type { Immutable } from './experimentFile.ts';
import { logSumExp } from './predict.ts';

const topCount = 5;
const numbers = v.array(v.number());

/** Measurements of one thing, one entry a sample: a clean run has one, a cell as many as there is noise. */
export const samplesSchema = v.pipe(
  v.strictObject({
    answerLogit: numbers,
    /** Absent without a distractor. */
    distractorLogit: v.optional(numbers),
    logSumExp: numbers,
    /** 1 for the most probable token. */
    rank: numbers,
    /** Kullback-Leibler divergence from the clean prediction, in nats. */
    divergence: numbers,
    /** The most probable tokens, best first. */
    topIds: v.array(numbers),
    topLogits: v.array(numbers),
  }),
  v.check(
    ({ answerLogit, distractorLogit = answerLogit, logSumExp, rank, divergence, topIds, topLogits }) =>
      [distractorLogit, logSumExp, rank, divergence, topIds, topLogits].every(
        ({ length }) => length === answerLogit.length,
      ),
    'Its lists must have one entry for each sample.',
  ),
);

export type Samples = Immutable<v.InferOutput<typeof samplesSchema>>;

export interface Target {
  readonly answer: number;
  readonly distractor?: number;
}

/**
 * The reduction of logits [units, vocabulary] to what `readSample` reads.
 *
 *     divergence = sum p_clean (log p_clean - log p)
 *
 * @param target ids below the vocabulary's size
 * @param clean  [vocabulary] logits of the clean run
 */
export function measureLogits(target: Target, clean: Float32Array): Reduction {
  const total = logSumExp(clean);
  const probabilities = clean.map((logit) => Math.exp(logit - total));
  let negativeEntropy = 0;
  for (const logit of clean) negativeEntropy += Math.exp(logit - total) * (logit - total);
  return {
    key: 'measure a prediction',
    parameters: {
      targets: { data: Int32Array.of(target.answer, target.distractor ?? target.answer), shape: [2] },
      clean: { data: probabilities, shape: [clean.length] },
      negative_entropy: { data: Float32Array.of(negativeEntropy), shape: [1] },
    },
    build: (logits, parameter) => {
      const size = sizeAt(logits.shape, 1);
      const top = topK(logits, typeof size === 'number' ? Math.min(topCount, size) : topCount);
      const largest = slice(top.values, 1, 0, 1);
      // Below the largest logit nothing overflows, and the divergence of alike predictions does not drown in rounding.
      const below = sub(logits, largest);
      const sum = (x: Value) => reduceSum(x, { axes: [1] });
      const logSum = log(sum(exp(below)));
      const crossed = sum(mul(below, parameter('clean')));
      const targets = gather(logits, parameter('targets'), 1);
      const above = sum(cast(greater(logits, slice(targets, 1, 0, 1)), 'float32'));
      const divergence = sub(add(logSum, parameter('negative_entropy')), crossed);
      return {
        scores: concat([targets, add(largest, logSum), add(above, constant(1)), divergence], 1),
        top_logits: top.values,
        top_ids: top.places,
      };
    },
  };
}

/** The shortest number that rounds to the same float32: files hold nine digits, not seventeen. */
const brief = (x: number): number => Number(x.toPrecision(9));

/** One sample from the result of a read of one position, reduced by `measureLogits`. */
export function readSample(result: ReadResult, hasDistractor: boolean): Samples {
  const { scores, top_ids: ids, top_logits: logits } = result;
  if (!scores || !ids || !logits) throw new Error('The read was not reduced to measurements.');
  const [answer = 0, distractor = 0, total = 0, rank = 0, divergence = 0] = Array.from(scores.data, brief);
  return {
    answerLogit: [answer],
    ...(hasDistractor ? { distractorLogit: [distractor] } : {}),
    logSumExp: [total],
    rank: [rank],
    // Rounding may leave a divergence of nothing a little below nothing.
    divergence: [Math.max(0, divergence)],
    topIds: [Array.from(ids.data)],
    topLogits: [Array.from(logits.data, brief)],
  };
}

/** Samples of several runs as one. */
export function joinSamples(parts: readonly Samples[]): Samples {
  const join = <T>(pick: (part: Samples) => readonly T[]) => parts.flatMap(pick);
  const hasDistractor = parts.every(({ distractorLogit }) => distractorLogit !== undefined);
  return {
    answerLogit: join((part) => part.answerLogit),
    ...(hasDistractor ? { distractorLogit: join((part) => part.distractorLogit ?? []) } : {}),
    logSumExp: join((part) => part.logSumExp),
    rank: join((part) => part.rank),
    divergence: join((part) => part.divergence),
    topIds: join((part) => part.topIds),
    topLogits: join((part) => part.topLogits),
  };
}

/** One of several samples, by itself. */
export function sampleAt(samples: Samples, index: number): Samples {
  const pick = <T>(list: readonly T[]) => list.slice(index, index + 1);
  const { answerLogit, distractorLogit, logSumExp: totals, rank, divergence, topIds, topLogits } = samples;
  return {
    answerLogit: pick(answerLogit),
    ...(distractorLogit ? { distractorLogit: pick(distractorLogit) } : {}),
    logSumExp: pick(totals),
    rank: pick(rank),
    divergence: pick(divergence),
    topIds: pick(topIds),
    topLogits: pick(topLogits),
  };
}

/** In the order in which they are offered. */
export const metrics = [
  'probability',
  'logProbability',
  'logitDifference',
  'answerLogit',
  'rank',
  'divergence',
] as const;

export type Metric = (typeof metrics)[number];

/** Metrics of what is watched: a logit difference only where everything has a distractor. */
export const metricsOf = (watched: readonly { readonly distractor?: unknown }[]): readonly Metric[] =>
  metrics.filter((metric) => watchedMetricProblem(watched, metric) === undefined);

/** What each metric is, for captions and column heads. */
export const metricNames: Readonly<Record<Metric, string>> = {
  probability: 'probability of the answer',
  logProbability: 'log probability of the answer',
  logitDifference: 'logit of the answer minus logit of the distractor',
  answerLogit: 'logit of the answer',
  rank: 'rank of the answer',
  divergence: 'divergence from the clean prediction (nats)',
};

/** A metric was asked for that these measurements do not have. */
export class MetricError extends Error {
  override readonly name = 'MetricError';
}

/** Why a metric cannot be shown of what is watched; undefined where it can. */
export function watchedMetricProblem(
  watched: readonly { readonly distractor?: unknown }[],
  metric: Metric,
): string | undefined {
  if (metric !== 'logitDifference' || watched.every(({ distractor }) => distractor !== undefined))
    return undefined;
  return 'A logit difference needs a distractor, and this experiment has none. Name one, or choose another --metric.';
}

/**
 * A metric of each sample.
 * @throws MetricError for a logit difference without a distractor
 */
export function metricOf(samples: Samples, metric: Metric): readonly number[] {
  const { answerLogit, distractorLogit, logSumExp: totals } = samples;
  const total = (index: number) => totals[index] ?? Number.NaN;
  switch (metric) {
    case 'probability':
      return answerLogit.map((logit, i) => Math.exp(logit - total(i)));
    case 'logProbability':
      return answerLogit.map((logit, i) => logit - total(i));
    case 'logitDifference':
      if (!distractorLogit)
        throw new MetricError(
          'A logit difference needs a distractor, and this experiment has none. Name one and run again.',
        );
      return answerLogit.map((logit, i) => logit - (distractorLogit[i] ?? Number.NaN));
    case 'answerLogit':
      return answerLogit;
    case 'rank':
      return samples.rank;
    case 'divergence':
      return samples.divergence;
    default:
      return metric satisfies never;
  }
}

export interface Statistic {
  readonly mean: number;
  /** Standard deviation over samples (n - 1); null for a single sample. */
  readonly sd: number | null;
}

export function statisticOf(values: readonly number[]): Statistic {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  if (values.length < 2) return { mean, sd: null };
  const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { mean, sd: Math.sqrt(squares / (values.length - 1)) };
}

/** A metric of the two runs that cells lie between. */
export interface Baselines {
  readonly clean: Statistic;
  readonly corrupted: Statistic;
}

/**
 * How much of what the corruption took a cell gives back: 0 as corrupted, 1 as clean. When corrupted activations are put
 * into the clean run, the same number says how much is left.
 *
 *     (value - corrupted) / (clean - corrupted)
 *
 * @returns NaN when the corruption changed nothing
 */
export function fractionRecovered(value: number, { clean, corrupted }: Baselines): number {
  const range = clean.mean - corrupted.mean;
  return range === 0 ? Number.NaN : (value - corrupted.mean) / range;
}
