// What follows from a document, a model and its tokens: matched positions, the experiment that the cables make, and what is
// wrong with it, in sentences. Pure: opening a link, an example or an undo needs nothing but the document.

import type { Architecture } from '../../architectures/architecture.ts';
import { type InterveneExperiment, readInterveneExperiment } from '../../experiments/intervene/experiment.ts';
import { interventionKeys, readConfiguration } from '../../interventions/configuration/configuration.ts';
import { messageOf } from '../../messages/wording.ts';
import type { ModelInfo, Prediction, TokenInfo } from '../../worker/protocol.ts';
import {
  type Cable,
  cableLetter,
  type PatchDocument,
  shownSource,
  sourceIndex,
  type WatchedToken,
} from './document.ts';
import { correctedMatching, type Matching, matchPositions } from './matching.ts';
import { experimentIn } from './opened.ts';
import { outlineOf } from './outline.ts';
import { checkWiring, type PromptTokens } from './reading.ts';
import { runWords } from './spoken.ts';
import { type Wiring, wiringOf } from './wiring.ts';

/** What the model makes of one prompt. */
export interface Reading {
  readonly text: string;
  readonly tokens: readonly TokenInfo[] | null;
  readonly prediction: Prediction | null;
}

/** Of the base, then of each source. */
export type Readings = readonly Reading[];

export interface Watched {
  /** The text where the page does not know its token; the engine resolves it with the model's tokenizer. */
  readonly id: number | string;
  readonly text: string;
}

export interface PatchDraft {
  readonly model: ModelInfo | null;
  readonly outline: Architecture | null;
  /** Null until all are known. */
  readonly tokens: PromptTokens | null;
  /** Of the source that sockets are about with the base. */
  readonly matching: Matching;
  /** Of each source with the base. */
  readonly matchings: readonly Matching[];
  /** What is watched; null while it is not known. */
  readonly answer: Watched | null;
  readonly distractor: Watched | null;
  /** The cables as a configuration and a call; null without cables, or while something is wrong. */
  readonly wiring: Wiring | null;
  /** Those that fit each by itself, as text has them, also while they cannot run together; null without any. */
  readonly written: Wiring | null;
  readonly experiment: InterveneExperiment | null;
  /** Why the cables cannot run, in the library's sentence; null when they can. */
  readonly problem: string | null;
  /** Cables that do not fit this model and these prompts, each by itself; they hang unused until they fit again. */
  readonly misfits: readonly { readonly id: number; readonly why: string }[];
}

export const lengthIn =
  ({ base, sources }: PromptTokens) =>
  (run: string): number => {
    const index = sourceIndex(run);
    return (index === null ? base : sources[index])?.length ?? 0;
  };

/** What a picker's choice stands for. */
function watchedOf(
  chosen: WatchedToken,
  usual: Prediction | null | undefined,
  known: readonly (Prediction | null)[],
): Watched | null {
  const [best] = usual?.candidates ?? [];
  if (chosen === null) return best ? { id: best.id, text: best.text } : null;
  const found = known
    .flatMap((prediction) => prediction?.candidates ?? [])
    .find(({ id, text }) => id === chosen || text === chosen);
  return found
    ? { id: found.id, text: found.text }
    : { id: chosen, text: typeof chosen === 'number' ? `#${chosen}` : chosen };
}

/** A sentence of the library about a place in a list, about the cable that stands there. */
export function aboutCables(message: string): string {
  return message.replace(/\brepresentations\.(\d+)((?:\.\w+)?)/g, (_, index: string, field: string) => {
    const letter = cableLetter(Number(index));
    return field === '' ? `Cable ${letter}` : `Cable ${letter} (${field.slice(1)})`;
  });
}

/** Parameters that cables bring, by pyvene's keys. */
export function parametersOf(cables: readonly Cable[], { configuration }: Pick<Wiring, 'configuration'>) {
  if (cables.every(({ parameters }) => parameters === undefined)) return {};
  const keys = interventionKeys(readConfiguration(configuration));
  return Object.fromEntries(
    cables.flatMap(({ parameters }, index) => (parameters ? [[keys[index] ?? '', parameters] as const] : [])),
  );
}

const idsOf = (tokens: readonly TokenInfo[]): readonly number[] => tokens.map(({ id }) => id);

function experimentOf(document: PatchDocument, wiring: Wiring, model: ModelInfo, sourceCount: number) {
  return readInterveneExperiment(
    experimentIn({ ...document, sources: document.sources.slice(0, sourceCount) }, model.label, wiring),
  );
}

/** How many of the sources the cables take from: a source that is not yet typed is no hindrance to the others. */
function sourcesTaken(cables: readonly Cable[]): number {
  const taken = cables.flatMap(({ from, to }) => [from?.run, to.run].map((run) => sourceIndex(run ?? '')));
  return Math.max(0, ...taken.map((index) => (index ?? -1) + 1));
}

export function draftOf(document: PatchDocument, readings: Readings, model: ModelInfo | null): PatchDraft {
  const outline = model && outlineOf(model);
  const [base, ...sources] = readings;
  const predictions = readings.map(({ prediction }) => prediction);
  const [first] = sources;
  const followed = first && first.text !== '' ? first.prediction : base?.prediction;
  // What one prompt is followed by must not stand in while the other is still being read.
  const isRead = document.distractor !== null || Boolean(base?.prediction);
  const answer = isRead ? watchedOf(document.answer, followed, predictions) : null;
  const usual = watchedOf(document.distractor, base?.prediction, predictions);
  const distractor = usual?.id === answer?.id ? null : usual;
  const ids = (reading: Reading | undefined) => reading?.tokens && idsOf(reading.tokens);
  const baseIds = ids(base);
  const matchings = sources.map((source, index) => {
    const own = ids(source);
    return baseIds && own
      ? correctedMatching(matchPositions(baseIds, own), document.corrections[index] ?? {}, own.length)
      : (baseIds ?? []).map(() => null);
  });
  const matching = matchings[shownSource(document)] ?? (baseIds ?? []).map(() => null);
  const tokens = baseIds ? { base: baseIds, sources: sources.map((source) => ids(source) ?? []) } : null;
  const draft = { model, outline, tokens, matching, matchings, answer, distractor };
  if (model?.reads)
    return {
      ...{ ...draft, tokens: null, answer: null, distractor: null },
      ...{ wiring: null, written: null, experiment: null, misfits: [] },
      problem: `The rack knows prompts of text alone, and ${model.label} reads more. The Sweep tab patches it, and the command line runs its interventions.`,
    };
  const nothing = { ...draft, wiring: null, written: null, experiment: null, problem: null, misfits: [] };
  if (!outline || !model || !tokens || document.cables.length === 0) return nothing;
  // A prompt that is on its way to its tokens makes no cable unfit.
  const isPending = sources
    .slice(0, sourcesTaken(document.cables))
    .some(({ text, tokens: own }) => text !== '' && own === null);
  if (isPending) return nothing;
  const check = (some: readonly Cable[]) => {
    const wiring = wiringOf({ ...document, cables: some }, lengthIn(tokens));
    const parameters = parametersOf(some, wiring);
    return { wiring, ...checkWiring(outline, wiring, tokens, { seed: document.seed, parameters }) };
  };
  const writtenOf = (some: readonly Cable[]) => wiringOf({ ...document, cables: some }, lengthIn(tokens));
  const build = (some: readonly Cable[]) => {
    const { wiring, call } = check(some);
    const sourceCount = Math.max(call.sources.length, sourcesTaken(some));
    return {
      wiring,
      written: wiring,
      experiment: experimentOf({ ...document, cables: some }, wiring, model, sourceCount),
    };
  };
  try {
    return { ...nothing, ...build(document.cables) };
  } catch (error) {
    const problem = aboutCables(messageOf(error));
    const misfits = document.cables.flatMap((cable) => {
      try {
        check([cable]);
        return [];
      } catch (cause) {
        const empty = [cable.from?.run, cable.to.run].find(
          (run) => run !== undefined && run !== 'original' && lengthIn(tokens)(run) === 0,
        );
        const why =
          empty === undefined
            ? ofOneCable(messageOf(cause))
            : `The ${runWords(empty, sources.length)} has no text yet. Type it, and the cable acts again.`;
        return [{ id: cable.id, why }];
      }
    });
    const fitting = document.cables.filter(({ id }) => misfits.every((misfit) => misfit.id !== id));
    if (misfits.length === 0) return { ...nothing, written: writtenOf(fitting), problem };
    if (fitting.length === 0) return { ...nothing, misfits };
    try {
      return { ...nothing, ...build(fitting), misfits };
    } catch (cause) {
      return { ...nothing, written: writtenOf(fitting), problem: aboutCables(messageOf(cause)), misfits };
    }
  }
}

/** A sentence of the library about a cable that stands alone. */
const ofOneCable = (message: string): string =>
  message.replace(/^representations\.\d+(\.\w+)?: /, '').replace(/^./, (first) => first.toUpperCase());
