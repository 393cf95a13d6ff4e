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
import type { TraceResult } from '../../experiments/trace/result.ts';
import type { CellAddress } from '../../figures/description.ts';

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

/** @returns null for a cell that the result does not have */
export function cellFacts(result: TraceResult, address: CellAddress, metric: Metric): CellFacts | null {
  const stream = result.streams[address.panel];
  const position = result.positions[address.location];
  const { layer } = address;
  if (!stream || position === undefined || layer >= result.layerCount) return null;
  const clean = statisticOf(metricOf(result.clean, metric));
  const corrupted = statisticOf(metricOf(result.corrupted, metric));
  const samples = stream.cells[layer * result.positions.length + address.location] ?? null;
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
    position,
    token: result.tokens[position]?.text ?? '',
    isCorrupted: position >= result.subject[0] && position < result.subject[1],
    window: windowAround(layer, stream.window, result.layerCount),
    windowSize: stream.window,
    clean,
    corrupted,
    measured: samples && measure(samples),
  };
}
