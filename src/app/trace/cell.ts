// Everything that the inspector says about one cell: what was put where, what it did to the answer, and what the model
// predicts with it.

import { type LayerRange, windowAround } from '../../experiments/layers.ts';
import {
  type Metric,
  metricOf,
  type Samples,
  type Statistic,
  statisticOf,
} from '../../experiments/metrics.ts';
import { columnWords, streamLayers, type TraceResult } from '../../experiments/trace/result.ts';
import type { CellAddress } from '../../figures/description.ts';
import { streamPlace } from './sheets.ts';

export interface PredictedToken {
  readonly id: number;
  /** Mean over samples, in [0, 1]; a sample that does not have it among its five most probable counts as 0. */
  readonly probability: number;
}

export interface CellFacts {
  readonly component: string;
  readonly layer: number;
  readonly position: number;
  readonly token: string;
  readonly isCorrupted: boolean;
  readonly window: LayerRange;
  readonly windowSize: number;
  readonly clean: Statistic;
  readonly corrupted: Statistic;
  /** Null while the cell has not been computed. */
  readonly measured: MeasuredCell | null;
}

export interface MeasuredCell {
  readonly value: Statistic;
  /** 0 as corrupted, 1 as clean; null where the two are equal. */
  readonly recovered: number | null;
  readonly rank: Statistic;
  /** Best first, at most five. */
  readonly top: readonly PredictedToken[];
}

/** The most probable tokens over all samples. */
export function topTokens({ topIds, topLogits, logSumExp }: Samples): readonly PredictedToken[] {
  const sums = new Map<number, number>();
  for (const [sample, ids] of topIds.entries()) {
    for (const [place, id] of ids.entries()) {
      const logit = topLogits[sample]?.[place] ?? Number.NEGATIVE_INFINITY;
      sums.set(id, (sums.get(id) ?? 0) + Math.exp(logit - (logSumExp[sample] ?? 0)));
    }
  }
  return [...sums]
    .map(([id, sum]) => ({ id, probability: sum / topIds.length }))
    .toSorted((a, b) => b.probability - a.probability)
    .slice(0, 5);
}

/**
 * @param sheet place of the figure that the address is of
 * @returns null for a cell that the result does not have
 */
export function cellFacts(
  result: TraceResult,
  address: CellAddress,
  metric: Metric,
  sheet = 0,
): CellFacts | null {
  const stream = result.streams[streamPlace(result, sheet, address)];
  if (!stream) return null;
  const columns = columnWords(result, stream);
  const column = columns[address.location];
  const layerCount = streamLayers(result, stream);
  const { layer } = address;
  if (!column || layer >= layerCount) return null;
  const clean = statisticOf(metricOf(result.clean, metric));
  const corrupted = statisticOf(metricOf(result.corrupted, metric));
  const samples = stream.cells[layer * columns.length + address.location] ?? null;
  const span = clean.mean - corrupted.mean;
  const measure = (found: Samples): MeasuredCell => {
    const value = statisticOf(metricOf(found, metric));
    return {
      value,
      recovered: span === 0 ? null : (value.mean - corrupted.mean) / span,
      rank: statisticOf(found.rank),
      top: topTokens(found),
    };
  };
  return {
    component: stream.component,
    layer,
    position: column.position,
    token: column.text,
    isCorrupted: column.isCorrupted,
    window: windowAround(layer, stream.window, layerCount),
    windowSize: stream.window,
    clean,
    corrupted,
    measured: samples && measure(samples),
  };
}
