// Attribution patching as a kind of experiment: see `kind.ts` one floor up.

import { defineKind } from '../defineKind.ts';
import { hasPairText } from '../pairs.ts';
import { figureNamed } from '../shown.ts';
import { readAttributeExperiment } from './experiment.ts';
import { attributionFigures } from './figure.ts';
import { attributionGrowth } from './growth.ts';
import { attributionCsv, countAttributions, readAttributionResult } from './result.ts';
import { attributionSummary } from './summary.ts';

export const attributeKind = defineKind({
  name: 'attribute',
  resultName: 'attribution-result',
  words: {
    title: 'Attribution patching',
    counted: 'pairs and patched cells',
    stage: 'Attributing',
    indefinite: 'an attribution',
  },
  readsBeside: true,
  read: readAttributeExperiment,
  readResult: readAttributionResult,
  hasText: ({ pairs }) => hasPairText(pairs),
  metricProblem: () =>
    'An attribution has one measure, the change of the logit of the answer (minus that of the distractor where there is one); leave --metric out.',
  growth: attributionGrowth,
  count: countAttributions,
  show: (result) => ({
    figures: attributionFigures(result).map((description, index) => ({
      kind: 'heatmap',
      name: figureNamed(index),
      description,
    })),
    tables: [{ name: 'cells', csv: () => attributionCsv(result) }],
    summary: () => attributionSummary(result),
    programs: [],
    files: () => ({}),
    ownFolders: [],
  }),
  work: async () => (await import('./work.ts')).attributeWork,
});
