// The Steer page as the rooms of experiments take it. It is loaded with the frame, so that links and files find it; what the
// page itself needs comes when it is first looked at.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import { withoutBytes } from '../../experiments/givenFile.ts';
import { type SteerExperiment, steerColumns, withSteerFiles } from '../../experiments/steer/experiment.ts';
import { steerKind } from '../../experiments/steer/kind.ts';
import type { SteerResult } from '../../experiments/steer/result.ts';
import { withoutDefaults } from '../../share/link.ts';
import type { Example, PageDefinition } from '../experiment/definition.ts';
import { changedPrompt } from './changes.ts';
import { blankEdit, blankSteering } from './document.ts';
import { deriveSteer, experimentIn } from './draft.ts';
import type { SteerTypes } from './hooks.ts';
import { documentOf } from './opened.ts';
import { isChatPassage, promptOf, withPart } from './passage.ts';
import { shownTokens } from './shownTexts.ts';

export type SteerExample = Example<SteerExperiment, SteerResult>;

/** Texts of prompts, which the rooms read; a chat is written by the model's template, and its last turn stands for it. */
export const promptTexts = ({ prompts }: SteerTypes['document']): readonly string[] =>
  prompts.map(({ passage }) =>
    isChatPassage(passage) ? (passage.messages.at(-1)?.content ?? '') : promptOf(passage),
  );

function withPromptText(document: SteerTypes['document'], index: number, text: string) {
  const passage = document.prompts[index]?.passage;
  if (passage === undefined || !isChatPassage(passage))
    return changedPrompt(document, index, { passage: withPart(passage ?? '', { prompt: text }) });
  const last = passage.messages.length - 1;
  const messages = passage.messages.map((turn, at) => (at === last ? { ...turn, content: text } : turn));
  return changedPrompt(document, index, { passage: { ...passage, messages } });
}

/** As the page gives it: in the form in which its document says the same. */
function normal(experiment: SteerExperiment): SteerExperiment {
  try {
    const { revision } = experiment;
    const own = experimentIn(documentOf(experiment), experiment.model);
    return { ...own, ...(revision === undefined ? {} : { revision }) };
  } catch (error) {
    // What the page has no controls for stands as it is; opening it says so.
    if (error instanceof ExperimentError) return experiment;
    throw error;
  }
}

const vectorDefaults = { component: 'block_output', normalize: false };
const editDefaults = {
  on: blankEdit.on,
  strength: 1,
  unit: 'raw',
  map: { kind: 'add' },
  keepNorm: false,
  specialTokens: false,
};
const defaults = {
  edits: [],
  prompts: [],
  generation: { maxNewTokens: 20, seed: 0, samples: 1, stop: [] },
  columns: ['unsteered', 'steered'],
  directions: 1,
  candidates: 10,
  words: { away: [] },
};

/** `steer-rome` */
function fileStem({ experiment }: SteerResult): string {
  const name = (experiment.title ?? experiment.vectors.map((vector) => vector.name).join(' '))
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 40);
  return `steer${name === '' ? '' : `-${name}`}`;
}

/** Largest difference of a token's log-probability under the unsteered model; where tokens differ, infinity. */
function difference(a: SteerResult, b: SteerResult): number {
  let largest = 0;
  a.texts.forEach((own, prompt) => {
    own?.forEach((text, at) => {
      const other = b.texts[prompt]?.[at];
      if (!other || other.tokens.join() !== text.tokens.join()) {
        largest = Number.POSITIVE_INFINITY;
        return;
      }
      text.logProbabilities.forEach((value, place) => {
        const apart = Math.abs((value ?? 0) - (other.logProbabilities[place] ?? 0));
        largest = Math.max(largest, apart);
      });
    });
  });
  return largest;
}

export const steerPage = (examples: readonly SteerExample[]): PageDefinition<SteerTypes> => ({
  kind: steerKind,
  title: 'Steer',
  noun: 'steering',
  examples,
  // A sweep takes a minute in a tab, and of a larger model many.
  isCostly: true,
  blank: blankSteering,
  prompts: promptTexts,
  withPrompt: withPromptText,
  derive: deriveSteer,
  documentOf,
  experimentOf: ({ experiment }) => normal(experiment),
  shared: (experiment) => experiment,
  brief: (given) => {
    // A link holds no pictures.
    const { vectors, edits, ...experiment } = withSteerFiles(given, withoutBytes);
    return withoutDefaults(
      {
        ...experiment,
        vectors: vectors.map((vector) => withoutDefaults(vector, vectorDefaults)),
        edits: edits.map((edit) => withoutDefaults(edit, editDefaults)),
        columns: steerColumns.filter((column) => experiment.columns.includes(column)),
      },
      defaults,
    );
  },
  standIn: (result) => ({
    model: { label: result.experiment.model, layerCount: 0, maxPositions: Number.POSITIVE_INFINITY },
    prompts: promptTexts(documentOf(result.experiment)).map((text, prompt) => ({
      text,
      tokens: shownTokens(result, result.prompts[prompt]?.tokens ?? []).map((token) => ({
        ...token,
        isSpecial: false,
      })),
    })),
  }),
  difference,
  figure: (result) => {
    const { figures } = steerKind.show(result);
    const figure = figures.find(({ name }) => name === 'effect') ?? figures[0];
    if (!figure) throw new Error('This steering has no map. Its texts are in CSV and JSON.');
    return figure;
  },
  fileStem,
});
