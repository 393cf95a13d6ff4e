// What a result says of a run whose layers were computed in float16: that they were, and by how much the numbers differ from
// those of float32, as far as both were computed.

import * as v from 'valibot';
import { type Immutable, wholeNumber } from './experimentFile.ts';
import { type Metric, metricNames, metricOf, metrics, type Samples } from './metrics.ts';

const distance = v.pipe(v.number(), v.minValue(0));

const deviationSchema = v.strictObject({
  /** Cells that were computed in float32 too, beside the runs that they lie between. */
  cells: wholeNumber,
  /** By metric, in its own unit: the largest absolute difference of one sample. */
  largest: v.strictObject({
    probability: distance,
    logProbability: distance,
    logitDifference: v.optional(distance),
    answerLogit: distance,
    rank: distance,
    divergence: distance,
  }),
});

export type Deviation = Immutable<v.InferOutput<typeof deviationSchema>>;

/** Absent in results of float32. */
export const precisionSchema = v.strictObject({
  dtype: v.literal('float16'),
  /** Absent where the run ended before the first cells. */
  deviation: v.optional(deviationSchema),
});

export type ResultPrecision = Immutable<v.InferOutput<typeof precisionSchema>>;

/** What the layers of a result were computed in. */
export const precisionOf = ({
  precision,
}: {
  readonly precision?: ResultPrecision | undefined;
}): 'float32' | 'float16' => precision?.dtype ?? 'float32';

const hasDistractor = ({ distractorLogit }: Samples): boolean => distractorLogit !== undefined;

/** @param pairs the same measurement, computed both ways @returns of each metric that all of them have */
export function largestDeviation(
  pairs: readonly { readonly half: Samples; readonly full: Samples }[],
): Deviation['largest'] {
  const of = (metric: Metric): number =>
    pairs.reduce((most, { half, full }) => {
      const exact = metricOf(full, metric);
      return metricOf(half, metric).reduce(
        (larger, value, at) => Math.max(larger, Math.abs(value - (exact[at] ?? Number.NaN))),
        most,
      );
    }, 0);
  const compared = metrics.filter((metric) => metric !== 'logitDifference');
  const all = Object.fromEntries(compared.map((metric) => [metric, of(metric)]));
  const isBetween = pairs.every(({ half, full }) => hasDistractor(half) && hasDistractor(full));
  return v.parse(deviationSchema.entries.largest, {
    ...all,
    ...(isBetween ? { logitDifference: of('logitDifference') } : {}),
  });
}

export const twoDigits = (value: number): string => String(Number(value.toPrecision(2)));

function sentence({ deviation }: ResultPrecision, metric: Metric): string {
  const largest = deviation?.largest[metric];
  if (!deviation || largest === undefined)
    return 'Layers computed in float16; how far that is from float32 was not measured: the run ended before.';
  const { cells } = deviation;
  const ofCells = cells === 0 ? '' : `the first ${cells === 1 ? 'cell' : `${cells} cells`} and `;
  const compared = `${ofCells}the baselines`;
  return `Layers computed in float16: over ${compared} at most ${twoDigits(largest)} from float32 (${metricNames[metric]}).`;
}

/** Under the figure of a terminal; none of a result in float32. */
export const precisionLines = (precision: ResultPrecision | undefined, metric: Metric): readonly string[] =>
  precision ? [sentence(precision, metric)] : [];

/** In a caption, with a space before it. */
export const precisionWords = (precision: ResultPrecision | undefined, metric: Metric): string =>
  precisionLines(precision, metric)
    .map((words) => ` ${words}`)
    .join('');

/** The name of the table beside those of the result. */
export const precisionTable = 'precision';

export function precisionCsv({ dtype, deviation }: ResultPrecision): string {
  const rows = metrics.flatMap((metric) => {
    const largest = deviation?.largest[metric];
    return largest === undefined ? [] : [`${dtype},${metric},${largest},${deviation?.cells}`];
  });
  return `${['precision,metric,largest_deviation_from_float32,cells_compared', ...(rows.length > 0 ? rows : [`${dtype},,,`])].join('\n')}\n`;
}
