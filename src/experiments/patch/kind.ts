// Activation patching and path patching as kinds of experiment: see `kind.ts` one floor up. Their files differ; what is
// measured, and its result, is the same.

import { defineKind } from '../defineKind.ts';
import { measuredCells } from '../halfCheck.ts';
import { watchedMetricProblem } from '../metrics.ts';
import { hasPairText } from '../pairs.ts';
import { figureNamed, type Shown, type ShowOptions } from '../shown.ts';
import { type PatchExperiment, readPatchExperiment } from './experiment.ts';
import { patchFigures } from './figure.ts';
import { patchCsv, usualMetric } from './grid.ts';
import { type PathExperiment, readPathExperiment } from './pathExperiment.ts';
import { pictureFigures } from './pictureFigure.ts';
import type { ResolvedPatch } from './resolve.ts';
import {
  countPatchCells,
  type PatchChange,
  type PatchResult,
  patchGrowth,
  readPatchResult,
} from './result.ts';
import { patchSummary } from './summary.ts';

/** A metric that is not named is a logit difference where there is a distractor, else the probability of the answer. */
const show = (result: PatchResult, { metric }: ShowOptions): Shown => {
  const heatmaps = patchFigures(result, metric ? { metric } : {});
  return {
    figures: [
      ...heatmaps.map((description, index) => ({
        kind: 'heatmap' as const,
        name: figureNamed(index),
        description,
      })),
      ...pictureFigures(result, heatmaps),
    ],
    tables: [{ name: 'cells', csv: () => patchCsv(result) }],
    summary: (look) => patchSummary(result, metric ?? usualMetric(result), look),
    programs: [],
    files: () => ({}),
    ownFolders: [],
  };
};

const shared = {
  readsBeside: true,
  resultName: 'patch-result',
  readResult: readPatchResult,
  measured: (change: PatchChange) =>
    measuredCells(change, ({ pairs }) => pairs.map(({ answer }) => answer.id)),
  growth: patchGrowth,
  count: countPatchCells,
  show,
  work: async () => (await import('./work.ts')).patchWork,
} as const;

/** Whether some prompt of an ablation is text. */
const hasAblationText = ({ ablation }: PatchExperiment): boolean =>
  ablation !== undefined &&
  'prompts' in ablation &&
  ablation.prompts.some((prompt) => typeof prompt === 'string');

export const patchKind = defineKind<PatchExperiment, PatchResult, ResolvedPatch, PatchChange>({
  ...shared,
  name: 'patch',
  words: { title: 'Activation patching', counted: 'cells', stage: 'Patching', indefinite: 'a patch' },
  read: readPatchExperiment,
  hasText: (experiment) => hasPairText(experiment.pairs) || hasAblationText(experiment),
  metricProblem: ({ pairs }, metric) => watchedMetricProblem(pairs, metric),
});

export const pathKind = defineKind<PathExperiment, PatchResult, ResolvedPatch, PatchChange>({
  ...shared,
  name: 'path',
  words: { title: 'Path patching', counted: 'cells', stage: 'Patching', indefinite: 'path patching' },
  read: readPathExperiment,
  hasText: ({ pairs }) => hasPairText(pairs),
  metricProblem: ({ pairs }, metric) => watchedMetricProblem(pairs, metric),
});
