// What the headless runner makes of a trace: a table, a figure, and a heatmap for the eye.

import { type Metric, metricNames } from '../experiments/metrics.ts';
import { traceFigure } from '../experiments/trace/figure.ts';
import { traceCsv } from '../experiments/trace/grid.ts';
import { countCells, isComplete, readTraceResult, type TraceResult } from '../experiments/trace/result.ts';
import { layoutHeatmap } from '../figures/heatmap.ts';
import { heatmapSvg } from '../figures/svg.ts';
import type { ResultKind } from './experimentRun.ts';
import { canUseColours } from './terminal/terminalCells.ts';
import { terminalHeatmap } from './terminal/terminalHeatmap.ts';

function printTrace(result: TraceResult, metric: Metric): void {
  const { answer, distractor } = result;
  const against = distractor ? `, distractor ${JSON.stringify(distractor.text)}` : '';
  console.log(`${metricNames[metric]}; answer ${JSON.stringify(answer.text)}${against}\n`);
  const { stdout } = process;
  console.log(
    terminalHeatmap(result, metric, { hasColours: canUseColours(stdout), columns: stdout.columns ?? 80 }),
  );
}

/** cells.csv (a line a cell) and figure.svg. */
export const traceResults = (metric: Metric): ResultKind<TraceResult> => ({
  read: readTraceResult,
  isOwn: (result): result is TraceResult => result.kind === 'trace-result',
  isComplete,
  count: countCells,
  files: (result) => ({
    'cells.csv': traceCsv(result),
    'figure.svg': heatmapSvg(layoutHeatmap(traceFigure(result, metric), { width: 1200, theme: 'print' })),
  }),
  print: (result) => printTrace(result, metric),
});
