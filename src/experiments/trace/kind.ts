// A causal trace as a kind of experiment: see `kind.ts` one floor up.

import { defineKind } from '../defineKind.ts';
import { measuredCells } from '../halfCheck.ts';
import { watchedMetricProblem } from '../metrics.ts';
import { figureNamed } from '../shown.ts';
import { readTraceExperiment } from './experiment.ts';
import { traceFigures } from './figure.ts';
import { traceCsv } from './grid.ts';
import { pictureFigures } from './pictureFigure.ts';
import { countCells, nameTokens, readTraceResult, type TraceChange, traceGrowth } from './result.ts';
import { traceSummary } from './summary.ts';

export const traceKind = defineKind({
  name: 'trace',
  resultName: 'trace-result',
  words: { title: 'Causal trace', counted: 'cells', stage: 'Tracing', indefinite: 'a trace' },
  readsBeside: true,
  read: readTraceExperiment,
  readResult: readTraceResult,
  measured: (change: TraceChange) => measuredCells(change, ({ answer }) => [answer.id]),
  hasText: ({ prompt, target }) => [prompt, target].some((text) => typeof text === 'string' && text !== ''),
  metricProblem: (experiment, metric) => watchedMetricProblem([experiment], metric),
  growth: traceGrowth,
  withTexts: nameTokens,
  count: countCells,
  show: (result, { metric = 'probability' }) => ({
    figures: [
      ...traceFigures(result, metric).map((description, index) => ({
        kind: 'heatmap' as const,
        name: figureNamed(index),
        description,
      })),
      ...pictureFigures(result, metric),
    ],
    tables: [{ name: 'cells', csv: () => traceCsv(result) }],
    summary: (look) => traceSummary(result, metric, look),
    programs: [],
    files: () => ({}),
    ownFolders: [],
  }),
  work: async () => (await import('./work.ts')).traceWork,
});
