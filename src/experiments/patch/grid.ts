// A result seen through one metric: a grid for each panel to be drawn, raw or between the baselines, and lines of a table.

import { csvText, metricColumns } from '../csv.ts';
import { windowAround } from '../layers.ts';
import {
  type Baselines,
  fractionRecovered,
  type Metric,
  metricOf,
  metricsOf,
  type Samples,
  type Statistic,
  statisticOf,
} from '../metrics.ts';
import { type Column, columnCount, columnsOf } from './outline.ts';
import { placeWords } from './places.ts';
import { type PatchResult, panelLayers } from './result.ts';

export interface PatchGrid {
  readonly panel: PatchResult['panels'][number];
  readonly metric: Metric;
  readonly columns: readonly Column[];
  /** [layer][column], over pairs; null for a cell that has not been computed. */
  readonly cells: readonly (readonly (Statistic | null)[])[];
  readonly clean: Statistic;
  /** Null for an ablation. */
  readonly corrupted: Statistic | null;
}

/** Metrics that a result has: a logit difference only with a distractor. */
export function patchMetrics({ pairs }: PatchResult): readonly Metric[] {
  return metricsOf(pairs);
}

/** The metric that is shown when none is chosen: a logit difference where there is one. */
export function usualMetric(result: PatchResult): Metric {
  return patchMetrics(result).includes('logitDifference') ? 'logitDifference' : 'probability';
}

/**
 * @param index place in the list of panels
 * @throws MetricError when the result does not have the metric
 */
export function patchGrid(result: PatchResult, index: number, metric: Metric): PatchGrid {
  const panel = result.panels[index];
  if (!panel) throw new RangeError(`There is no panel ${index}; the result has ${result.panels.length}.`);
  const columns = columnsOf(panel);
  const statistic = (samples: Samples) => statisticOf(metricOf(samples, metric));
  return {
    panel,
    metric,
    columns,
    cells: Array.from({ length: panelLayers(result, panel) }, (_, layer) =>
      panel.cells
        .slice(layer * columns.length, (layer + 1) * columns.length)
        .map((samples) => samples && statistic(samples)),
    ),
    clean: statistic(result.clean),
    corrupted: result.corrupted && statistic(result.corrupted),
  };
}

/** A statistic between the baselines' means: 0 as corrupted, 1 as clean; its spread in the same measure. */
export function normalised({ mean, sd }: Statistic, baselines: Baselines): Statistic {
  const range = Math.abs(baselines.clean.mean - baselines.corrupted.mean);
  return { mean: fractionRecovered(mean, baselines), sd: sd === null ? null : sd / range };
}

/**
 * The grid between its baselines, as TransformerLens draws it: the mean over pairs is normalised, not each pair.
 *
 *     (value - corrupted) / (clean - corrupted)
 *
 * @returns undefined for an ablation, which has one baseline; NaN cells where the two are the same
 */
export function normalisedGrid(grid: PatchGrid): (PatchGrid & Baselines) | undefined {
  const { clean, corrupted } = grid;
  if (!corrupted) return undefined;
  const between = (value: Statistic) => normalised(value, { clean, corrupted });
  return {
    ...grid,
    cells: grid.cells.map((row) => row.map((cell) => cell && between(cell))),
    clean: between(clean),
    corrupted: between(corrupted),
  };
}

/**
 * The grid as Wang et al. 2022 draw it: the change from the run that cells start from, in percent of what that run has.
 *
 *     100 (value - start) / |start|
 */
export function changeGrid(grid: PatchGrid, start: Statistic): PatchGrid {
  const percent = ({ mean, sd }: Statistic): Statistic => ({
    mean: (100 * (mean - start.mean)) / Math.abs(start.mean),
    sd: sd === null ? null : (100 * sd) / Math.abs(start.mean),
  });
  return {
    ...grid,
    cells: grid.cells.map((row) => row.map((cell) => cell && percent(cell))),
    clean: percent(grid.clean),
    corrupted: grid.corrupted && percent(grid.corrupted),
  };
}

/** [9, 6] as TransformerLens writes it: 9.6 */
export const headNames = (heads: readonly (readonly number[])[]): string =>
  heads.map((head) => head.join('.')).join(' ');

/** The name of a panel as captions and tables write it. */
export function panelLabel({
  component,
  by,
  heads,
  positions,
  receiver,
}: PatchResult['panels'][number]): string {
  if (receiver) {
    const of = receiver.heads ? ` of ${headNames(receiver.heads)}` : '';
    return `${component} to ${receiver.component}${of}`;
  }
  if (by === 'position' && heads)
    return `${component} ${heads.length === 1 ? 'head' : 'heads'} ${heads.join(' ')}`;
  if (by !== 'head' || positions === 'all') return component;
  return `${component} at ${positions === 'last' ? 'the last position' : `positions ${positions.join(' ')}`}`;
}

/**
 * Comma-separated values, one line a computed cell: panel, layer, head, position (of a part of a picture or a sound its
 * first), token (of the clean prompt, where there is one pair; or which part it is), window, samples, and each metric's mean and standard deviation over pairs (empty for one), and its mean
 * between the baselines (empty for an ablation). The baselines come first, as panels `clean` and `corrupted`.
 */
export function patchCsv(result: PatchResult): string {
  const available = patchMetrics(result);
  const ends = available.map((metric) => {
    const clean = statisticOf(metricOf(result.clean, metric));
    return { metric, clean, corrupted: result.corrupted && statisticOf(metricOf(result.corrupted, metric)) };
  });
  const numbers = (samples: Samples): readonly string[] => [
    String(samples.rank.length),
    ...ends.flatMap(({ metric, clean, corrupted }) => {
      const { mean, sd } = statisticOf(metricOf(samples, metric));
      const between = corrupted ? String(fractionRecovered(mean, { clean, corrupted })) : '';
      return [String(mean), sd === null ? '' : String(sd), between];
    }),
  ];
  const places = ['panel', 'layer', 'head', 'position', 'token', 'window_first', 'window_last'];
  const measures = available.flatMap((metric) =>
    ['mean', 'sd', 'normalised'].map((measure) => `${metricColumns[metric]}_${measure}`),
  );
  const baseline = (name: string, samples: Samples) => [name, '', '', '', '', '', '', ...numbers(samples)];
  const cellLines = result.panels.flatMap((panel) => {
    const count = columnCount(panel);
    const columns = columnsOf(panel).map(({ head, position }) => ({
      head,
      words: position === undefined ? undefined : placeWords(result, panel, position),
    }));
    return panel.cells.flatMap((samples, index): readonly (readonly string[])[] => {
      if (!samples) return [];
      const layer = Math.floor(index / count);
      const { head, words } = columns[index % count] ?? {};
      const { from, to } = windowAround(layer, panel.window, panelLayers(result, panel));
      const token = words && !words.isOfMany ? words.text : '';
      const place = [layer, head, words?.position].map((number) =>
        number === undefined ? '' : String(number),
      );
      return [[panelLabel(panel), ...place, token, String(from), String(to - 1), ...numbers(samples)]];
    });
  });
  return csvText([
    [...places, 'samples', ...measures],
    baseline('clean', result.clean),
    ...(result.corrupted ? [baseline('corrupted', result.corrupted)] : []),
    ...cellLines,
  ]);
}
