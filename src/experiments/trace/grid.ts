// A result seen through one metric: a grid for each stream to be drawn, and lines of a table.

import { csvText, metricColumns } from '../csv.ts';
import { windowAround } from '../layers.ts';
import {
  type Metric,
  metricOf,
  metricsOf as metricsOfWatched,
  type Statistic,
  statisticOf,
} from '../metrics.ts';
import { type ColumnWords, columnWords, streamLayers, type TraceResult } from './result.ts';

export interface TraceGrid {
  readonly component: string;
  readonly window: number;
  readonly heads?: readonly number[];
  readonly metric: Metric;
  /** Columns of the lists below. */
  readonly columns: readonly ColumnWords[];
  /** [layer][column]; null for a cell that has not been computed. */
  readonly cells: readonly (readonly (Statistic | null)[])[];
  /** Layers whose window is cut by an edge of the model. */
  readonly cutLayers: ReadonlySet<number>;
  readonly clean: Statistic;
  readonly corrupted: Statistic;
}

/** Metrics that a result has: a logit difference only with a distractor. */
export function metricsOf(result: TraceResult): readonly Metric[] {
  return metricsOfWatched([result]);
}

/**
 * @param stream place in the list of streams
 * @throws MetricError when the result does not have the metric
 */
export function traceGrid(result: TraceResult, stream: number, metric: Metric): TraceGrid {
  const found = result.streams[stream];
  if (!found) throw new RangeError(`There is no stream ${stream}; the result has ${result.streams.length}.`);
  const { component, window, heads, cells } = found;
  const columns = columnWords(result, found);
  const layerCount = streamLayers(result, found);
  const layers = Array.from({ length: layerCount }, (_, layer) => layer);
  return {
    component,
    window,
    ...(heads ? { heads } : {}),
    metric,
    columns,
    cells: layers.map((layer) =>
      cells
        .slice(layer * columns.length, (layer + 1) * columns.length)
        .map((samples) => samples && statisticOf(metricOf(samples, metric))),
    ),
    cutLayers: new Set(layers.filter((layer) => windowAround(layer, window, layerCount).isCut)),
    clean: statisticOf(metricOf(result.clean, metric)),
    corrupted: statisticOf(metricOf(result.corrupted, metric)),
  };
}

/** The name of a stream as captions and tables write it. */
export function streamLabel({
  component,
  heads,
}: {
  readonly component: string;
  readonly heads?: readonly number[] | undefined;
}): string {
  if (!heads) return component;
  return `${component} ${heads.length === 1 ? 'head' : 'heads'} ${heads.join(' ')}`;
}

/**
 * Comma-separated values, one line a computed cell: stream, layer, position, token (of a part of a picture or a sound its first
 * position, and which it is), window, samples, and each metric's
 * mean and standard deviation (empty for one sample). The baselines come first, as streams `clean` and `corrupted`.
 */
export function traceCsv(result: TraceResult): string {
  const available = metricsOf(result);
  const head = [
    'stream',
    'layer',
    'position',
    'token',
    'window_first',
    'window_last',
    'samples',
    ...available.flatMap((metric) => [`${metricColumns[metric]}_mean`, `${metricColumns[metric]}_sd`]),
  ];
  const numbers = (samples: TraceResult['clean']) => [
    String(samples.rank.length),
    ...available.flatMap((metric) => {
      const { mean, sd } = statisticOf(metricOf(samples, metric));
      return [String(mean), sd === null ? '' : String(sd)];
    }),
  ];
  const lines = [
    ['clean', '', '', '', '', '', ...numbers(result.clean)],
    ['corrupted', '', '', '', '', '', ...numbers(result.corrupted)],
  ];
  for (const stream of result.streams) {
    const columns = columnWords(result, stream);
    stream.cells.forEach((samples, index) => {
      if (!samples) return;
      const layer = Math.floor(index / columns.length);
      const { position = 0, text: token = '' } = columns[index % columns.length] ?? {};
      const { from, to } = windowAround(layer, stream.window, streamLayers(result, stream));
      const place = [layer, position].map(String);
      lines.push([streamLabel(stream), ...place, token, String(from), String(to - 1), ...numbers(samples)]);
    });
  }
  return csvText([head, ...lines]);
}
