// A finetuning of representations as a kind of experiment: see `kind.ts` one floor up. What was trained is a folder for
// each adapter.

import { csvText } from '../csv.ts';
import { defineKind } from '../defineKind.ts';
import { hasGivenText, partsOfGiven } from '../givenPrompt.ts';
import { type FinetuneExperiment, readFinetuneExperiment } from './experiment.ts';
import { finetuneCurves } from './figure.ts';
import { finetuneGrowth } from './growth.ts';
import { countAdapters, type FinetuneResult, isAdapterDone, readFinetuneResult } from './result.ts';
import { adapterFiles, adapterFolders } from './saved.ts';
import { finetuneSummary } from './summary.ts';
import { promptWords } from './words.ts';

const isText = (given: FinetuneExperiment['data']): boolean =>
  given.some(
    ({ prompt, continuation }) =>
      hasGivenText(prompt) ||
      // Of a picture alone the continuation may be a class, whose name is no tokens.
      (typeof continuation === 'string' && partsOfGiven(prompt).image === undefined),
  );

/** A line for each step of each adapter; measures of the test stand at the last step of their epoch. */
function curvesCsv({ adapters, names }: FinetuneResult): string {
  const lines = adapters.flatMap((adapter, index) => {
    const ends = new Map(adapter?.epochs.map((epoch) => [epoch.step, epoch.test]));
    return (adapter?.steps.loss ?? []).map((loss, at) => {
      const test = ends.get(at + 1);
      const rate = adapter?.steps.rate[at] ?? '';
      return [names[index] ?? '', at + 1, loss, rate, test?.loss ?? '', test?.match ?? ''].map(String);
    });
  });
  return csvText([['adapter', 'step', 'loss', 'learning_rate', 'test_loss', 'test_match'], ...lines]);
}

/** A line for each example to test and each adapter. */
function answersCsv({ tested, before, adapters, names, texts }: FinetuneResult): string {
  const text = (ids: readonly number[] = []) => ids.map((id) => texts[id] ?? `#${id}`).join('');
  const all = [
    { name: 'none', answers: before.answers },
    ...adapters.map((adapter, index) => ({ name: names[index] ?? '', answers: adapter?.answers ?? [] })),
  ];
  const lines = all.flatMap(({ name, answers }) =>
    answers.map((said, at) => {
      const example = tested[at] ?? { prompt: [], continuation: [] };
      const { continuation } = example;
      const isRight = said.join(' ') === continuation.join(' ');
      return [name, promptWords(example, texts), text(continuation), text(said), String(isRight)];
    }),
  );
  return csvText([['adapter', 'prompt', 'continuation', 'said', 'match'], ...lines]);
}

/** `trained/loreft-rank-4-layer-3-last-1/config.json` and so on. */
function foldersOf(result: FinetuneResult): Readonly<Record<string, Uint8Array>> {
  const folders = adapterFolders(result);
  const files = result.adapters.flatMap((adapter, index) =>
    isAdapterDone(adapter)
      ? [...adapterFiles(result, index)].map(
          ([name, bytes]) => [`trained/${folders[index]}/${name}`, bytes] as const,
        )
      : [],
  );
  return Object.fromEntries(files);
}

export const finetuneKind = defineKind({
  name: 'finetune',
  resultName: 'finetune-result',
  words: { title: 'Finetuning', counted: 'adapters', stage: 'Training', indefinite: 'a finetuning' },
  readsBeside: true,
  read: readFinetuneExperiment,
  readResult: readFinetuneResult,
  hasText: ({ data, testData = [] }) => isText(data) || isText(testData),
  metricProblem: () =>
    'A finetuning is measured by its loss and by exact match, both of which are given; leave --metric out.',
  growth: finetuneGrowth,
  count: countAdapters,
  show: (result) => ({
    figures: [{ kind: 'lines', name: 'curves', description: finetuneCurves(result) }],
    tables: [
      { name: 'curves', csv: () => curvesCsv(result) },
      { name: 'answers', csv: () => answersCsv(result) },
    ],
    summary: () => finetuneSummary(result),
    programs: [],
    files: () => foldersOf(result),
    ownFolders: [{ parent: 'trained', name: /^adapter-/ }],
  }),
  work: async () => (await import('./work.ts')).finetuneWork,
});
