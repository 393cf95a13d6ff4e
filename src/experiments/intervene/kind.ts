// An intervention as a kind of experiment: see `kind.ts` one floor up.

import { csvText } from '../csv.ts';
import { defineKind } from '../defineKind.ts';
import { hasGivenText, partsOfGiven } from '../givenPrompt.ts';
import { growthOf } from '../growth.ts';
import { readInterveneExperiment } from './experiment.ts';
import { type InterveneResult, readInterveneResult } from './result.ts';
import { interventionSummary } from './summary.ts';

/** The next tokens, before and after. */
function candidatesCsv({ before, after }: InterveneResult): string {
  const lines = [['before', before] as const, ['after', after] as const].flatMap(([run, candidates]) =>
    candidates.map(({ id, text, logit, probability }, place) => [
      run,
      String(place + 1),
      String(id),
      text,
      String(logit),
      String(probability),
    ]),
  );
  return csvText([['run', 'place', 'id', 'token', 'logit', 'probability'], ...lines]);
}

/** The positions that the edits may change, each with its own next token. */
function laterCsv({ base, later }: InterveneResult): string {
  const lines = later.map(({ position, divergence, before, after }) => [
    String(position),
    base[position]?.text ?? '',
    String(divergence),
    before.text,
    String(before.probability),
    after.text,
    String(after.probability),
  ]);
  const head = [
    'position',
    'token',
    'divergence',
    'before',
    'before_probability',
    'after',
    'after_probability',
  ];
  return csvText([head, ...lines]);
}

export const interveneKind = defineKind({
  name: 'intervene',
  resultName: 'intervene-result',
  words: {
    title: 'Intervention',
    counted: 'interventions',
    stage: 'Intervening',
    indefinite: 'an intervention',
  },
  readsBeside: true,
  read: readInterveneExperiment,
  readResult: readInterveneResult,
  hasText: ({ base, sources, answer, distractor }) =>
    [base, ...sources].some(hasGivenText) ||
    // Of a picture alone the answers may be classes, whose names are no tokens.
    (partsOfGiven(base).image === undefined && [answer, distractor].some((text) => typeof text === 'string')),
  metricProblem: () => 'An intervention gives every metric at once; leave --metric out.',
  growth: () => growthOf<InterveneResult, InterveneResult>((_, change) => change),
  count: () => ({ done: 1, total: 1 }),
  show: (result) => ({
    figures: [],
    tables: [
      { name: 'next-tokens', csv: () => candidatesCsv(result) },
      ...(result.later.length > 0 ? [{ name: 'positions', csv: () => laterCsv(result) }] : []),
    ],
    summary: () => interventionSummary(result),
    programs: [],
    files: () => ({}),
    ownFolders: [],
  }),
  work: async () => (await import('./work.ts')).interveneWork,
});
