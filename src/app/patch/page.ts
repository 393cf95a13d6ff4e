// The Patch page as the rooms of experiments take it. It is loaded with the frame, so that links and files find it; what the
// page itself needs comes when it is first looked at.

import type { StackName } from '../../architectures/architecture.ts';
import { ExperimentError } from '../../experiments/experimentFile.ts';
import { withoutBytes } from '../../experiments/givenFile.ts';
import { type GivenPrompt, partsOfGiven, withGivenPromptFiles } from '../../experiments/givenPrompt.ts';
import { type InterveneExperiment, readInterveneExperiment } from '../../experiments/intervene/experiment.ts';
import { interveneKind } from '../../experiments/intervene/kind.ts';
import type { InterveneResult } from '../../experiments/intervene/result.ts';
import { messageOf } from '../../messages/wording.ts';
import { withoutDefaults } from '../../share/link.ts';
import type { ModelInfo } from '../../worker/protocol.ts';
import type { Draft, Example, PageDefinition, Surroundings } from '../experiment/definition.ts';
import { initialView } from '../experiment/figureView.ts';
import { readsIn } from '../prompt/beside.ts';
import { missingAt } from './beside.ts';
import { emptyDocument, type PatchDocument, placeOfRun, withPairs } from './document.ts';
import { documentOf, experimentIn } from './opened.ts';
import { inputStack, textStack } from './stacks.ts';
import { type LengthOf, wiringOf } from './wiring.ts';

export type PatchPageDraft = Draft<InterveneExperiment>;

export interface PatchTypes {
  readonly document: PatchDocument;
  readonly experiment: InterveneExperiment;
  readonly result: InterveneResult;
  readonly draft: PatchPageDraft;
}

export type PatchExample = Example<InterveneExperiment, InterveneResult>;

/** Whose positions a component has, as far as the model is known. */
function stackIn(model: object, component: string): StackName {
  const { components } = model as Partial<Pick<ModelInfo, 'components'>>; // A stand-in has none.
  return components?.find(({ name }) => name === component)?.place?.stack ?? 'main';
}

/** The experiment as far as it needs no look at the model: that is the work of the page, and of the engine. */
function derive(document: PatchDocument, { model, tokens }: Surroundings): PatchPageDraft {
  const none = (field: string, why: string): PatchPageDraft => ({
    experiment: null,
    problems: new Map([[field, why]]),
  });
  const { base, sources, cables } = document;
  const reads = readsIn(model);
  const missing = missingAt(document, 0, reads);
  if (missing !== null) return none('base', missing);
  if (model === null) return { experiment: null, problems: new Map() };
  const lengthOf: LengthOf = ({ run, component }) => {
    const text = tokens[placeOfRun(run)]?.length ?? 0;
    const stack = stackIn(model, component);
    if (!reads || stack === textStack(reads)) return text;
    if (stack === inputStack(reads)) return reads.positions ?? 0;
    throw new ExperimentError(
      `A cable hangs at all positions of '${component}', which are those of what has been written. Name its positions.`,
    );
  };
  const isRead = [base, ...sources].every((text, index) => text === '' || tokens[index] !== null);
  if (!isRead) return { experiment: null, problems: new Map() };
  try {
    const wiring = cables.length === 0 ? null : wiringOf(document, lengthOf);
    const experiment = readInterveneExperiment(experimentIn(document, model.label, reads, wiring));
    return { experiment, problems: new Map() };
  } catch (cause) {
    return none('cables', messageOf(cause));
  }
}

function texts(given: GivenPrompt): string {
  const { prompt } = partsOfGiven(given);
  return typeof prompt === 'string' ? prompt : '';
}

export const patchPage = (examples: readonly PatchExample[]): PageDefinition<PatchTypes> => ({
  kind: interveneKind,
  title: 'Patch',
  noun: 'patch',
  tabTitle: 'Rack',
  look: { ...initialView, orientation: 'layers-down' },
  examples,
  blank: emptyDocument,
  prompts: ({ base, sources }) => [base, ...sources],
  withPrompt: (document, index, text) =>
    index === 0
      ? { ...document, base: text, pairs: null }
      : {
          ...document,
          sources: document.sources.map((source, place) => (place === index - 1 ? text : source)),
          corrections: index === 1 ? [] : document.corrections,
          pairs: null,
        },
  withTable: (document, pairsIn) => withPairs(document, pairsIn({ needsCorrupted: true })),
  derive,
  documentOf: (experiment) => documentOf(experiment),
  experimentOf: ({ experiment }) => experiment,
  shared: (experiment) => experiment,
  brief: ({ rack, base, sources, ...experiment }) =>
    withoutDefaults(
      {
        ...experiment,
        // A link names pictures and does not hold them.
        base: withGivenPromptFiles(base, withoutBytes),
        sources: sources.map((given) => withGivenPromptFiles(given, withoutBytes)),
        rack: withoutDefaults(rack ?? {}, { component: 'block_output', by: 'position' }),
      },
      { rack: {}, seed: 0 },
    ),
  standIn: ({ experiment, base, sources, read }) => ({
    model: {
      label: experiment.model,
      layerCount: 0,
      maxPositions: Number.POSITIVE_INFINITY,
    },
    // Of a model of two stacks the prompts are its sources.
    prompts: (read ? [read.base, ...read.sources] : [base, ...sources]).map((tokens, index) => ({
      text: texts(index === 0 ? experiment.base : (experiment.sources[index - 1] ?? '')),
      tokens: tokens.map((token) => ({ ...token, isSpecial: false })),
    })),
  }),
  difference: (a, b) =>
    Math.max(
      ...a.after.map(({ id, probability }) =>
        Math.abs(probability - (b.after.find((other) => other.id === id)?.probability ?? 0)),
      ),
    ),
  figure: () => {
    throw new Error('What an intervention does is shown as tables; its sweeps have figures.');
  },
  fileStem: () => 'patch',
});
