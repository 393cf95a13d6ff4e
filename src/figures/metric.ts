// Numbers of a metric as text, and what they mean between the two baselines.

import type { Baselines, Metric } from './description.ts';

export const metricLabel = (metric: Metric): string =>
  metric.unit ? `${metric.name} (${metric.unit})` : metric.name;

/** A value with a fixed number of decimals and a true minus sign; a rounded zero has no sign. */
export function formatValue(value: number, digits: number): string {
  if (Number.isNaN(value)) return 'not a number';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', '−');
}

export const formatMetric = (metric: Metric, value: number): string => formatValue(value, metric.digits ?? 3);

/**
 * How far a value lies from the corrupted run (0) to the clean run (1). Below 0 and above 1 both happen.
 *
 * @returns undefined where the baselines are equal, so that nothing can be recovered
 */
export function fractionRecovered(value: number, baselines: Baselines | undefined): number | undefined {
  if (!baselines || !Number.isFinite(value)) return undefined;
  const span = baselines.clean - baselines.corrupted;
  return span === 0 ? undefined : (value - baselines.corrupted) / span;
}
