// The page of finetuning as the rooms of experiments take it. It stands under the tab of the Align page.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import {
  type FinetuneExample,
  type FinetuneExperiment,
  withFinetuneFiles,
} from '../../experiments/finetune/experiment.ts';
import { finetuneCurves } from '../../experiments/finetune/figure.ts';
import { finetuneKind } from '../../experiments/finetune/kind.ts';
import { type FinetuneResult, isAdapterDone } from '../../experiments/finetune/result.ts';
import { withoutBytes } from '../../experiments/givenFile.ts';
import { givenOf, partsOfGiven } from '../../experiments/givenPrompt.ts';
import { withoutDefaults } from '../../share/link.ts';
import type { Example, Kept, PageDefinition } from '../experiment/definition.ts';
import { experimentKey } from '../experiment/key.ts';
import { formatCount, formatCounted } from '../quantities.ts';
import { blankFinetune, documentOf, type FinetuneDocument } from './document.ts';
import { deriveFinetune, type FinetuneDraft } from './draft.ts';
import { finetuneFace } from './face.ts';

export interface FinetuneTypes {
  readonly document: FinetuneDocument;
  readonly experiment: FinetuneExperiment;
  readonly result: FinetuneResult;
  readonly draft: FinetuneDraft;
}

export type FinetuneStory = Example<FinetuneExperiment, FinetuneResult>;

/** An experiment as the page writes it: what a file may write in two ways, in one. */
export function plainExperiment({ split, data, testData, ...rest }: FinetuneExperiment): FinetuneExperiment {
  const isUsual = split === undefined || (split.testShare === 0.2 && split.seed === 0);
  return {
    ...rest,
    data: data.map(plainExample),
    ...(testData ? { testData: testData.map(plainExample) } : {}),
    ...(isUsual ? {} : { split }),
  };
}

const plainExample = ({ prompt, continuation }: FinetuneExample): FinetuneExample => ({
  prompt: givenOf(partsOfGiven(prompt)),
  continuation,
});

/** @throws ExperimentError for what the page has no controls for */
function openedDocument(experiment: FinetuneExperiment): FinetuneDocument {
  const document = documentOf(experiment);
  const model = { label: experiment.model, layerCount: 0, maxPositions: Number.POSITIVE_INFINITY };
  const { experiment: again, problems } = deriveFinetune(document, { model, tokens: [] });
  const [problem] = problems.values();
  if (problem !== undefined) throw new ExperimentError(problem);
  if (again === null || experimentKey(again) !== experimentKey(plainExperiment(experiment)))
    throw new ExperimentError(
      'It has settings or values that the page has no controls for. Run it from the command line: patchbay run FILE.json --out DIR.',
    );
  return document;
}

/** What reading fills in is what a link leaves out. */
const least = finetuneKind.read({
  kind: 'finetune',
  version: 1,
  model: '',
  adapters: [{ type: 'SteeringVector', layers: [0] }],
  data: [{ prompt: 'a', continuation: 'b' }],
});
const { component, positions, sharedWeights } = least.adapters[0] ?? {};
const adapterDefaults = { component, positions, sharedWeights };

/** Of a training that was stopped a later run goes on at the step whose state was kept. */
function keptOf({ adapters }: FinetuneResult): Kept {
  const done = adapters.filter(isAdapterDone);
  const open = adapters.filter((adapter) => adapter !== null && !isAdapterDone(adapter));
  const steps = open.reduce((sum, adapter) => sum + (adapter?.state?.step ?? 0), 0);
  const words = `${formatCount(done.length)} of ${formatCounted(adapters.length, 'adapters')}`;
  return {
    // The last look of an adapter that is done is worth one more.
    amount: done.reduce((sum, adapter) => sum + (adapter?.steps.loss.length ?? 0) + 1, steps),
    words: steps === 0 ? words : `${words} and ${formatCount(steps)} steps of the next`,
  };
}

const fileWord = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 40);

/** In loss on the examples that were not taught, over the adapters that both have trained. */
function difference(a: FinetuneResult, b: FinetuneResult): number {
  return Math.max(
    0,
    ...a.adapters.flatMap((adapter, at) => {
      const [own, other] = [adapter?.final, b.adapters[at]?.final];
      return own && other ? [Math.abs(own.test.loss - other.test.loss)] : [];
    }),
  );
}

export const finetunePage = (examples: readonly FinetuneStory[]): PageDefinition<FinetuneTypes> => ({
  kind: finetuneKind,
  title: finetuneFace.title,
  noun: finetuneFace.noun,
  ...(finetuneFace.tab === undefined ? {} : { tab: finetuneFace.tab }),
  examples,
  isCostly: true,
  kept: keptOf,
  blank: blankFinetune,
  prompts: ({ data }) => [data[0]?.prompt ?? ''],
  // Its prompts are many; none of them is the page's.
  withPrompt: (document) => document,
  derive: deriveFinetune,
  documentOf: openedDocument,
  experimentOf: ({ experiment }) => plainExperiment(experiment),
  shared: (experiment) => experiment,
  brief: (given) => {
    // A link holds no pictures and no sounds: it names them.
    const { adapters, ...experiment } = withFinetuneFiles(given, withoutBytes);
    return {
      ...Object(withoutDefaults(experiment, { training: least.training, seed: 0 })),
      adapters: adapters.map((adapter) => withoutDefaults(adapter, adapterDefaults)),
    };
  },
  standIn: ({ experiment, layers }) => ({
    model: {
      label: experiment.model,
      layerCount: Math.max(0, ...layers.flat()) + 1,
      maxPositions: Number.POSITIVE_INFINITY,
    },
    prompts: [],
  }),
  difference,
  figure: (result) => ({ kind: 'lines', name: 'curves', description: finetuneCurves(result) }),
  fileStem: ({ experiment }) => {
    const word = fileWord(experiment.title ?? '');
    return `finetune${word === '' ? '' : `-${word}`}`;
  },
});
