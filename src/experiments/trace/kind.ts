// A causal trace as a kind of experiment: see `kind.ts` one floor up.

import { defineKind } from '../defineKind.ts';
import { watchedMetricProblem } from '../metrics.ts';
import { readTraceExperiment } from './experiment.ts';
import { traceFigure } from './figure.ts';
import { traceCsv } from './grid.ts';
import { countCells, nameTokens, readTraceResult, traceGrowth } from './result.ts';
import { traceSummary } from './summary.ts';

export const traceKind = defineKind({
  name: 'trace',
  resultName: 'trace-result',
  words: { title: 'Causal trace', counted: 'cells', stage: 'Tracing', indefinite: 'a trace' },
  read: readTraceExperiment,
  readResult: readTraceResult,
  hasText: ({ prompt }) => typeof prompt === 'string',
  metricProblem: (experiment, metric) => watchedMetricProblem([experiment], metric),
  growth: traceGrowth,
  withTexts: nameTokens,
  count: countCells,
  show: (result, { metric = 'probability' }) => ({
    figures: [{ kind: 'heatmap', name: 'figure', description: traceFigure(result, metric) }],
    tables: [{ name: 'cells', csv: () => traceCsv(result) }],
    summary: (look) => traceSummary(result, metric, look),
    programs: [],
    files: () => ({}),
    ownFolders: [],
  }),
  work: async () => (await import('./work.ts')).traceWork,
});
