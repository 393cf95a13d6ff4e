// A sweep over the tensors of a model that was brought as ONNX, as a kind of experiment: see `kind.ts` one floor up.

import { defineKind } from '../defineKind.ts';
import { figureNamed } from '../shown.ts';
import { givenInputs, readTensorsExperiment } from './experiment.ts';
import { tensorsFigures, tensorsOverlays } from './figure.ts';
import { tensorsCsv } from './grid.ts';
import { countTensorCells, readTensorsResult, tensorsGrowth } from './result.ts';
import { tensorsSummary } from './summary.ts';

export const tensorsKind = defineKind({
  name: 'tensors',
  resultName: 'tensors-result',
  words: {
    title: 'Sweep of tensors',
    counted: 'cells',
    stage: 'Sweeping',
    indefinite: 'a sweep of tensors',
  },
  needsPrompts: false,
  // Whatever a checkpoint reads, the answer is that it was not brought as ONNX.
  readsBeside: true,
  read: readTensorsExperiment,
  readResult: readTensorsResult,
  hasText: (experiment) => givenInputs(experiment).some(({ text }) => text !== undefined),
  metricProblem: () =>
    "A sweep of tensors says itself what it measures, under 'watched'; leave the metric out.",
  withFiles: async (experiment, read) => (await import('./files.ts')).withFiles(experiment, read),
  growth: tensorsGrowth,
  count: countTensorCells,
  show: (result) => ({
    figures: [
      ...tensorsFigures(result).map((description, index) => ({
        kind: 'heatmap' as const,
        name: figureNamed(index),
        description,
      })),
      ...tensorsOverlays(result).map((description, index) => ({
        kind: 'overlay' as const,
        name: index === 0 ? 'picture' : `picture-${index + 1}`,
        description,
      })),
    ],
    tables: [{ name: 'cells', csv: () => tensorsCsv(result) }],
    summary: (look) => tensorsSummary(result, look),
    programs: [],
    files: () => ({}),
    ownFolders: [],
  }),
  work: async () => (await import('./work.ts')).tensorsWork,
});
