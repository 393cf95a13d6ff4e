// The Trace page as the rooms of experiments take it.

import { withoutBytes } from '../../experiments/givenFile.ts';
import { type TraceExperiment, traceDefaults } from '../../experiments/trace/experiment.ts';
import { traceKind } from '../../experiments/trace/kind.ts';
import type { TraceResult } from '../../experiments/trace/result.ts';
import { writtenTokens } from '../../experiments/writtenTokens.ts';
import { withoutDefaults } from '../../share/link.ts';
import type { Example, PageDefinition } from '../experiment/definition.ts';
import { blankTrace, documentOf, withPrompt } from './document.ts';
import { deriveTrace, sharedTrace } from './draft.ts';
import { largestDifference, shownFigure } from './figure.ts';
import type { TraceTypes } from './hooks.ts';
import { sheetsOf } from './sheets.ts';
import { standIn } from './standIn.ts';

/** A corruption is left out whole or not at all: its kind decides what else it has. */
function brief({ corruption, ...experiment }: TraceExperiment): unknown {
  const { direction, positions } = traceDefaults;
  const { image, sound } = experiment;
  const named = {
    ...experiment,
    // A link holds no pictures.
    ...(image ? { image: withoutBytes(image) } : {}),
    ...(sound ? { sound: withoutBytes(sound) } : {}),
  };
  const isUsual = JSON.stringify(corruption) === JSON.stringify(traceDefaults.corruption);
  const short =
    corruption.kind === 'exchange' ? { ...corruption, with: withoutBytes(corruption.with) } : corruption;
  return withoutDefaults(isUsual ? named : { ...named, corruption: short }, { direction, positions });
}

/** The tokens of a source that were corrupted, as a range; undefined where they are no text. */
function sourceRange(input: TraceResult['input']): readonly [number, number] | undefined {
  const [first, last] = [input?.corrupted[0], input?.corrupted.at(-1)];
  return input?.kind === 'text' && first !== undefined && last !== undefined ? [first, last + 1] : undefined;
}

/** `trace-eiffel-tower` */
function fileStem({ tokens, subject, answer, experiment }: TraceResult): string {
  const words = subject === null ? answer.text : writtenTokens(tokens, subject, experiment.prompt);
  const name = words
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 40);
  return `trace${name === '' ? '' : `-${name}`}`;
}

export type TraceExample = Example<TraceExperiment, TraceResult>;

export const tracePage = (examples: readonly TraceExample[]): PageDefinition<TraceTypes> => ({
  kind: traceKind,
  title: 'Trace',
  noun: 'trace',
  examples,
  blank: blankTrace,
  prompts: ({ prompt }) => [prompt],
  withPrompt: (document, _, prompt) => withPrompt(document, prompt),
  derive: deriveTrace,
  documentOf,
  experimentOf: ({ experiment, subject, input, streams }) => ({
    ...experiment,
    subject: subject ?? sourceRange(input) ?? experiment.subject,
    streams: streams.map(({ component, window, heads }) => ({
      component,
      window,
      ...(heads ? { heads } : {}),
    })),
  }),
  shared: sharedTrace,
  brief,
  standIn,
  difference: largestDifference,
  sheets: (result) => sheetsOf(result).map(({ name }) => name),
  figure: shownFigure,
  fileStem,
});
