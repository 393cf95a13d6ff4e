// A steering as a kind of experiment: see `kind.ts` one floor up.

import { defineKind } from '../defineKind.ts';
import { hasSteerText, readSteerExperiment } from './experiment.ts';
import { steerFigures } from './figure.ts';
import { steerGrowth } from './growth.ts';
import { countSteer, readSteerResult } from './result.ts';
import { steerFiles } from './steerFiles.ts';
import { steerSummary } from './summary.ts';
import { sitesCsv, sweepCsv, textsCsv } from './tables.ts';

export const steerKind = defineKind({
  name: 'steer',
  resultName: 'steer-result',
  words: {
    title: 'Steering',
    counted: 'vectors, prompts and cells',
    stage: 'Steering',
    indefinite: 'a steering',
  },
  readsBeside: true,
  read: readSteerExperiment,
  readResult: readSteerResult,
  hasText: hasSteerText,
  metricProblem: () =>
    'A steering has measures of its own, the log-probability of words and what the texts cost; leave --metric out.',
  growth: steerGrowth,
  count: countSteer,
  show: (result) => ({
    figures: steerFigures(result),
    tables: [
      { name: 'sites', csv: () => sitesCsv(result) },
      { name: 'texts', csv: () => textsCsv(result) },
      ...(result.sweep ? [{ name: 'sweep', csv: () => sweepCsv(result) }] : []),
    ],
    summary: () => steerSummary(result),
    programs: result.programs.flatMap(({ name, language, text }) =>
      text === null ? [] : [{ name, language, text }],
    ),
    files: () => steerFiles(result).files,
    ownFolders: [{ parent: '', name: /^interventions$/ }],
  }),
  work: async () => (await import('./work.ts')).steerWork,
});
