// The Align page as the rooms of experiments take it.

import type { AlignExample as AlignExampleData } from '../../experiments/align/example.ts';
import { type AlignExperiment, withAlignFiles } from '../../experiments/align/experiment.ts';
import { alignCurves, alignFigure } from '../../experiments/align/figure.ts';
import { alignKind } from '../../experiments/align/kind.ts';
import type { AlignResult } from '../../experiments/align/result.ts';
import { ExperimentError } from '../../experiments/experimentFile.ts';
import { withoutBytes } from '../../experiments/givenFile.ts';
import { type GivenPrompt, givenOf, partsOfGiven } from '../../experiments/givenPrompt.ts';
import { withoutDefaults } from '../../share/link.ts';
import type { Example, PageDefinition } from '../experiment/definition.ts';
import { experimentKey } from '../experiment/key.ts';
import { type AlignDocument, blankAlign, documentOf } from './document.ts';
import { type AlignDraft, deriveAlign, sampleOf } from './draft.ts';

export interface AlignTypes {
  readonly document: AlignDocument;
  readonly experiment: AlignExperiment;
  readonly result: AlignResult;
  readonly draft: AlignDraft;
}

export type AlignExample = Example<AlignExperiment, AlignResult>;

/** What stands alone in a list, unless it is a list itself: positions that are joined. */
const single = <T>(given: T): T | unknown =>
  Array.isArray(given) && given.length === 1 && !Array.isArray(given[0]) ? given[0] : given;

const plainPrompt = (given: GivenPrompt): GivenPrompt => givenOf(partsOfGiven(given));

const plainExample = ({ base, source, ...example }: AlignExampleData): AlignExampleData => ({
  ...example,
  base: plainPrompt(base),
  source: plainPrompt(source),
});

/** An experiment as the page writes it: what a file may write in two ways, in one. */
export function plainExperiment(experiment: AlignExperiment): AlignExperiment {
  const { site, split, data, ...rest } = experiment;
  const isUsualSplit = split === undefined || (split.testShare === 0.2 && split.seed === 0);
  const plain = {
    ...rest,
    site: { ...site, layer: single(site.layer), position: single(site.position) },
    data: 'causalModel' in data ? { ...data, interchange: single(data.interchange) } : data.map(plainExample),
    ...(isUsualSplit ? {} : { split }),
  };
  return alignKind.read(plain);
}

/** @throws ExperimentError for what the page has no controls for */
function openedDocument(experiment: AlignExperiment): AlignDocument {
  const document = documentOf(experiment);
  const model = { label: experiment.model, layerCount: 0, maxPositions: Number.POSITIVE_INFINITY };
  const { experiment: again, problems } = deriveAlign(document, { model, tokens: [] });
  const [problem] = problems.values();
  if (problem !== undefined) throw new ExperimentError(problem);
  if (again === null || experimentKey(again) !== experimentKey(plainExperiment(experiment)))
    throw new ExperimentError(
      'It has settings or values that the page has no controls for. Run it from the command line: patchbay run FILE.json --out DIR.',
    );
  return document;
}

/** What reading fills in of the training is what a link leaves out. */
const leastExperiment = {
  kind: 'align',
  version: 1,
  model: '',
  site: { component: '', layer: 0, position: 0 },
  intervention: { type: 'LowRankRotated', rank: 1 },
  data: [{ base: '', source: '', label: '' }],
};

const fileWord = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 40);

function fileStem({ experiment }: AlignResult): string {
  const { data, title } = experiment;
  const interchanged = 'causalModel' in data ? [data.interchange].flat().join('-') : (title ?? '');
  const word = fileWord(interchanged);
  return `align${word === '' ? '' : `-${word}`}`;
}

/** In test accuracy, over the sites that both have trained. */
function difference(a: AlignResult, b: AlignResult): number {
  return Math.max(
    0,
    ...a.sites.flatMap((site, at) => {
      const [own, other] = [site?.final, b.sites[at]?.final];
      return own && other ? [Math.abs(own.testAccuracy - other.testAccuracy)] : [];
    }),
  );
}

export const alignPage = (examples: readonly AlignExample[]): PageDefinition<AlignTypes> => ({
  kind: alignKind,
  title: 'Align',
  tabTitle: 'Alignment',
  noun: 'alignment',
  examples,
  isCostly: true,
  blank: blankAlign,
  prompts: (document) => [sampleOf(document)],
  // Its prompts follow from its variables; there is none to type.
  withPrompt: (document) => document,
  derive: deriveAlign,
  documentOf: (experiment) => openedDocument(experiment),
  experimentOf: ({ experiment }) => plainExperiment(experiment),
  shared: (experiment) => experiment,
  brief: (experiment) =>
    // A link holds no pictures and no sounds: it names them.
    withoutDefaults(withAlignFiles(experiment, withoutBytes), {
      training: alignKind.read(leastExperiment).training,
      seed: 0,
    }),
  standIn: ({ experiment, layers }) => ({
    model: {
      label: experiment.model,
      layerCount: Math.max(0, ...layers) + 1,
      maxPositions: Number.POSITIVE_INFINITY,
    },
    prompts: [],
  }),
  difference,
  figure: (result) =>
    result.sites.length > 1
      ? { kind: 'heatmap', name: 'figure', description: alignFigure(result) }
      : { kind: 'lines', name: 'curves', description: alignCurves(result) },
  fileStem,
});
