// How a trace's figure is looked at: metric, colours, range, orientation, pins. Another view is another drawing of the same
// numbers.

import type { Metric } from '../../experiments/metrics.ts';
import { traceFigure } from '../../experiments/trace/figure.ts';
import { metricsOf, traceGrid } from '../../experiments/trace/grid.ts';
import type { TraceResult } from '../../experiments/trace/result.ts';
import { strongestCell } from '../../figures/cellSummary.ts';
import type { ColourMap } from '../../figures/colour.ts';
import type { CellAddress, HeatmapDescription, Orientation, Pin } from '../../figures/description.ts';

/** `streams` gives each stream the hue it has in the literature; the others are one map for all. */
export type ColourChoice = 'streams' | Extract<ColourMap, 'viridis' | 'cividis' | 'puOr'>;

export interface FigureView {
  readonly metric: Metric;
  readonly colours: ColourChoice;
  readonly sharing: 'shared' | 'panel';
  readonly orientation: Orientation;
  readonly pins: readonly Pin[];
}

export const initialView: FigureView = {
  metric: 'probability',
  colours: 'streams',
  sharing: 'shared',
  orientation: 'tokens-down',
  pins: [],
};

const titles: Readonly<Record<string, string>> = {
  block_output: 'Residual state',
  mlp_output: 'MLP',
  attention_output: 'Attention',
};

export const streamTitle = (component: string): string => titles[component] ?? component;

export const quotedToken = (text: string): string => `“${text.trim() === '' ? text : text.trim()}”`;

/** The metric that is drawn: a result without a distractor has no logit difference. */
export const metricShown = (result: TraceResult, metric: Metric): Metric =>
  metricsOf(result).includes(metric) ? metric : 'probability';

const corruptAxis = (window: number): string =>
  window === 1 ? 'single corrupted layer' : `centre of ${window} corrupted layers`;

/** The figure of a result, finished or not. */
export function describeTrace(result: TraceResult, view: FigureView): HeatmapDescription {
  const metric = metricShown(result, view.metric);
  const figure = traceFigure(result, metric);
  const isRestoring = result.experiment.direction === 'restore';
  return {
    ...figure,
    panels: figure.panels.map((panel) => ({
      ...panel,
      ...(view.colours === 'streams' ? {} : { colours: view.colours }),
      ...(isRestoring ? {} : { axisTitle: corruptAxis(panel.windowSize ?? 1) }),
    })),
    orientation: view.orientation,
    sharing: view.sharing,
    // A diverging map is neutral where nothing has an effect; a difference of logits changes its sign at 0.
    midpoint: metric === 'logitDifference' ? 0 : (figure.baselines?.[figure.startsFrom ?? 'corrupted'] ?? 0),
    pins: view.pins.filter((pin) => isInside(result, pin)),
  };
}

const isInside = (result: TraceResult, { panel, location, layer }: CellAddress): boolean =>
  panel < result.streams.length && location < result.positions.length && layer < result.layerCount;

/**
 * The cell to look at first: the strongest computed one of the second panel, or of the only one. In the residual stream the
 * strongest is always the last token at the last layer, which says nothing.
 */
export function strongestOf(result: TraceResult): CellAddress | null {
  const panel = Math.min(1, result.streams.length - 1);
  return strongestCell(describeTrace(result, initialView), panel) ?? null;
}

/** The largest difference of the answer's probability between two results of one experiment, over cells both have. */
export function largestDifference(a: TraceResult, b: TraceResult): number {
  const probabilities = (result: TraceResult): readonly (number | undefined)[] =>
    result.streams.flatMap((_, stream) =>
      traceGrid(result, stream, 'probability').cells.flatMap((layer) => layer.map((cell) => cell?.mean)),
    );
  const others = probabilities(b);
  return probabilities(a).reduce<number>((largest, value, index) => {
    const other = others[index];
    return value === undefined || other === undefined ? largest : Math.max(largest, Math.abs(value - other));
  }, 0);
}
