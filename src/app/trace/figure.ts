// The figure of a trace as the page draws it, where to look first, and how far two results are apart.

import type { Metric } from '../../experiments/metrics.ts';
import type { ShownFigure } from '../../experiments/shown.ts';
import { groupFigure } from '../../experiments/trace/figure.ts';
import { metricsOf, traceGrid } from '../../experiments/trace/grid.ts';
import { pictureFigures } from '../../experiments/trace/pictureFigure.ts';
import type { TraceResult } from '../../experiments/trace/result.ts';
import { strongestCell } from '../../figures/cellSummary.ts';
import { type CellAddress, type HeatmapDescription, locationCount } from '../../figures/description.ts';
import { type FigureView, initialView } from '../experiment/figureView.ts';
import { sheetAt } from './sheets.ts';

/** The metric that is drawn: a result without a distractor has no logit difference. */
export const metricShown = (result: TraceResult, metric: Metric): Metric =>
  metricsOf(result).includes(metric) ? metric : 'probability';

const corruptAxis = (window: number): string =>
  window === 1 ? 'single corrupted layer' : `centre of ${window} corrupted layers`;

/** The figure of a result, finished or not. */
export function describeTrace(result: TraceResult, view: FigureView): HeatmapDescription {
  const metric = metricShown(result, view.metric);
  const figure = groupFigure(result, sheetAt(result, view.sheet).streams, metric);
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
    pins: view.pins.filter((pin) => isInside(figure, pin)),
  };
}

const isInside = (
  { panels, locations, layers }: HeatmapDescription,
  { panel, location, layer }: CellAddress,
): boolean => panel < panels.length && location < locationCount(locations) && layer < layers.length;

/** What is drawn of a result: the heatmap of a stack, or a picture under its squares. */
export function shownFigure(result: TraceResult, view: FigureView): ShownFigure {
  const description = describeTrace(result, view);
  const [overlay] = sheetAt(result, view.sheet).isOverlay
    ? pictureFigures(result, metricShown(result, view.metric))
    : [];
  if (overlay?.kind === 'overlay')
    return { ...overlay, description: { ...overlay.description, heatmap: description } };
  return { kind: 'heatmap', name: 'figure', description };
}

/** The strongest computed cell of each panel that has one. */
export function strongestCells(result: TraceResult, sheet = 0): readonly CellAddress[] {
  const description = describeTrace(result, { ...initialView, sheet });
  return description.panels.flatMap((_, panel) => strongestCell(description, panel) ?? []);
}

/**
 * The cell to look at first: the strongest of the second panel, or of the only one. In the residual stream the strongest is
 * always the last token at the last layer, which says nothing.
 */
export function firstCell(strongest: readonly CellAddress[]): CellAddress | null {
  return strongest.find(({ panel }) => panel === 1) ?? strongest[0] ?? null;
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
