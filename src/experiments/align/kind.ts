// An alignment as a kind of experiment: see `kind.ts` one floor up. What was trained at each site is a folder that pyvene
// loads.

import { defineKind } from '../defineKind.ts';
import { hasGivenText } from '../givenPrompt.ts';
import type { ShownFigure } from '../shown.ts';
import { curvesCsv } from './curves.ts';
import { promptsIn } from './example.ts';
import { type AlignExperiment, readAlignExperiment } from './experiment.ts';
import { alignCurves, alignFigure } from './figure.ts';
import { alignGrowth } from './growth.ts';
import { type AlignResult, countAlignSites, isSiteDone, readAlignResult } from './result.ts';
import { alignSummary } from './summary.ts';
import { siteNames, trainedFiles } from './trained.ts';

/** `trained/layer-3-position-name/config.json` and so on. */
function foldersOf(result: AlignResult): Readonly<Record<string, Uint8Array>> {
  const names = siteNames(result);
  const files = result.sites.flatMap((site, index) =>
    isSiteDone(site)
      ? [...trainedFiles(result, index)].map(
          ([name, bytes]) => [`trained/${names[index]}/${name}`, bytes] as const,
        )
      : [],
  );
  return Object.fromEntries(files);
}

/** `figure` where there is more than one site, and `curves`. */
const figuresOf = (result: AlignResult): readonly ShownFigure[] => [
  ...(result.sites.length > 1
    ? [{ kind: 'heatmap', name: 'figure', description: alignFigure(result) } as const]
    : []),
  { kind: 'lines', name: 'curves', description: alignCurves(result) },
];

/** Whether something in examples is text; what a causal model declares always is. */
const isText = (given: AlignExperiment['data']): boolean =>
  'causalModel' in given ||
  given.some(
    (example) =>
      promptsIn(example).some(({ given }) => hasGivenText(given)) ||
      [example.label, example.baseLabel, example.sourceLabel, ...(example.furtherSourceLabels ?? [])].some(
        (label) => typeof label === 'string',
      ),
  );

export const alignKind = defineKind({
  name: 'align',
  resultName: 'align-result',
  words: { title: 'Alignment', counted: 'sites', stage: 'Training', indefinite: 'an alignment' },
  readsBeside: true,
  read: readAlignExperiment,
  readResult: readAlignResult,
  hasText: ({ data, testData = [] }) => isText(data) || isText(testData),
  metricProblem: () =>
    'An alignment has one measure, the interchange intervention accuracy; leave --metric out.',
  growth: alignGrowth,
  count: countAlignSites,
  show: (result) => ({
    figures: figuresOf(result),
    tables: [{ name: 'curves', csv: () => curvesCsv(result) }],
    summary: () => alignSummary(result),
    programs: [],
    files: () => foldersOf(result),
    ownFolders: [{ parent: 'trained', name: /^layer-\d+-position-/ }],
  }),
  work: async () => (await import('./work.ts')).alignWork,
});
