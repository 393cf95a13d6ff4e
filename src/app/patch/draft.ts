// What follows from a document, a model and its tokens: matched positions, the experiment that the cables make, and what is
// wrong with it, in sentences. Pure: opening a link, an example or an undo needs nothing but the document.

import type { Architecture } from '../../architectures/architecture.ts';
import { type InterveneExperiment, readInterveneExperiment } from '../../experiments/intervene/experiment.ts';
import { interventionKeys, readConfiguration } from '../../interventions/configuration/configuration.ts';
import { messageOf } from '../../messages/wording.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';
import type { ModelInfo, Prediction, TokenInfo } from '../../worker/protocol.ts';
import type { KnownReads } from '../prompt/beside.ts';
import { hasTarget } from '../prompt/hasTarget.ts';
import { isGiven } from './beside.ts';
import {
  type Cable,
  cableLetter,
  type PatchDocument,
  placeOfRun,
  shownSource,
  sourceIndex,
  type WatchedToken,
} from './document.ts';
import type { Matching } from './matching.ts';
import { experimentIn } from './opened.ts';
import { outlineOf } from './outline.ts';
import { checkWiring, type PromptTokens } from './reading.ts';
import { runStacks } from './runStacks.ts';
import { runWords } from './spoken.ts';
import { lengthsOf, stackOf, textStack, type Unit } from './stacks.ts';
import { type LengthOf, type Wiring, wiringOf } from './wiring.ts';

/** What the model makes of one prompt. */
export interface Reading {
  readonly text: string;
  /** Of the text: those of what has been written, or of a source. */
  readonly tokens: readonly TokenInfo[] | null;
  readonly prediction: Prediction | null;
  /** Where the text is a source: the tokens of what has been written so far. */
  readonly written?: readonly TokenInfo[] | null;
  /** Why it could not be read. */
  readonly message?: string;
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
  /** Of the tokens of the source that sockets are about with those of the base. */
  readonly matching: Matching;
  /** What a run has at the positions of a component; empty until it is read. */
  readonly unitsOf: (run: string, component: string) => readonly Unit[];
  /** Which position of a source stands for which of the base at a component. @param source default the one that is shown */
  readonly matchingOf: (component: string, source?: number) => Matching;
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

/** Positions of a component in a run. */
export const lengthIn =
  ({ base, sources, lengths }: PromptTokens, architecture: Architecture): LengthOf =>
  ({ run, component }) => {
    const index = sourceIndex(run);
    const known = lengths?.[placeOfRun(run)];
    if (known) return known[stackOf(describeComponent(architecture, component))] ?? 0;
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
  const taken = { ...document, sources: document.sources.slice(0, sourceCount) };
  return readInterveneExperiment(experimentIn(taken, model.label, model.reads ?? null, wiring));
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
  const reads = model?.reads ?? null;
  const followed = first && isGiven(document, 1, reads) ? first.prediction : base?.prediction;
  // What one prompt is followed by must not stand in while the other is still being read.
  const isRead = document.distractor !== null || Boolean(base?.prediction);
  const answer = isRead ? watchedOf(document.answer, followed, predictions) : null;
  const usual = watchedOf(document.distractor, base?.prediction, predictions);
  const distractor = usual?.id === answer?.id ? null : usual;
  const ids = (reading: Reading | undefined) => reading?.tokens && idsOf(reading.tokens);
  const baseIds = ids(base);
  const shown = shownSource(document);
  const stacks = runStacks(document, readings, reads);
  const matching = stacks.matching(textStack(reads), shown);
  // Of a source that is not there, a model of two stacks has no positions either.
  const isThere = baseIds && (!hasTarget(reads) || base?.written);
  const tokens: PromptTokens | null = isThere
    ? {
        base: baseIds,
        sources: sources.map((source) => ids(source) ?? []),
        ...(reads ? { lengths: readings.map((reading) => lengthsOf(reading, reads)) } : {}),
      }
    : null;
  const stackAt = (component: string) => (outline ? stackOf(describeComponent(outline, component)) : 'main');
  const draft = {
    model,
    outline,
    tokens,
    matching,
    unitsOf: (run: string, component: string) => stacks.units(run, stackAt(component)),
    matchingOf: (component: string, source = shown) => stacks.matching(stackAt(component), source),
    answer,
    distractor,
  };
  const nothing = { ...draft, wiring: null, written: null, experiment: null, problem: null, misfits: [] };
  if (!outline || !model || !tokens || document.cables.length === 0) return nothing;
  // A prompt that is on its way to its tokens makes no cable unfit.
  const isPending = sources
    .slice(0, sourcesTaken(document.cables))
    .some(({ tokens: own }, index) => isGiven(document, index + 1, reads) && own === null);
  if (isPending) return nothing;
  const check = (some: readonly Cable[]) => {
    const wiring = wiringOf({ ...document, cables: some }, lengthIn(tokens, outline));
    const parameters = parametersOf(some, wiring);
    return { wiring, ...checkWiring(outline, wiring, tokens, { seed: document.seed, parameters }) };
  };
  const writtenOf = (some: readonly Cable[]) =>
    wiringOf({ ...document, cables: some }, lengthIn(tokens, outline));
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
        const isMissing = (run: string) => !isGiven(document, placeOfRun(run), reads);
        const empty = [cable.from?.run, cable.to.run].find((run) => run !== undefined && isMissing(run));
        const why =
          empty === undefined
            ? ofOneCable(messageOf(cause))
            : `The ${runWords(empty, sources.length)} has no ${missingWords(reads)}, and the cable acts again.`;
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

const missingWords = (reads: KnownReads): string =>
  reads && !hasTarget(reads)
    ? `${reads.kind === 'image' ? 'picture' : 'sound'} yet. Choose it`
    : 'text yet. Type it';

/** A sentence of the library about a cable that stands alone. */
const ofOneCable = (message: string): string =>
  message.replace(/^representations\.\d+(\.\w+)?: /, '').replace(/^./, (first) => first.toUpperCase());
