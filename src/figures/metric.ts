// Numbers of a metric as text, and what they mean between the two baselines.

import type { Baselines, Metric } from './description.ts';

export const metricLabel = (metric: Metric): string =>
  metric.unit ? `${metric.name} (${metric.unit})` : metric.name;

/** More decimals than are written out. */
const mostDigits = 8;

/** Decimal places that show three digits of how far some numbers lie apart; 3 at least. */
export function digitsFor(values: readonly number[]): number {
  const finite = values.filter(Number.isFinite);
  const magnitude = (value: number): number => Math.floor(Math.log10(value));
  const largest = finite.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (largest === 0) return 3;
  const least = finite.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
  const span = finite.reduce((most, value) => Math.max(most, value - least), 0);
  // What is computed in float32 has no more than eight.
  return Math.max(3, Math.min(2 - magnitude(span || largest), 7 - magnitude(largest)));
}

/**
 * A value with a fixed number of decimals and a true minus sign; a rounded zero has no sign. Where decimals would be many, a
 * small value has a power of ten.
 */
export function formatValue(value: number, digits: number): string {
  if (Number.isNaN(value)) return 'not a number';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  if (digits > mostDigits && value !== 0 && Math.abs(value) < 1e-4)
    return value.toExponential(2).replaceAll('-', '−');
  const text = value.toFixed(Math.min(digits, mostDigits));
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
