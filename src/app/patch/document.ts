// What a person edits on the Patch page, as one value: prompts, what is watched, and the cables between their runs. A
// change makes the next one and leaves the one before as it was, so that undo is a matter of going back.

import type { Pair } from '../../experiments/pairs.ts';
import { nextId } from '../experiment/nextId.ts';
import { type Beside, type BesideChange, changedBeside } from '../prompt/beside.ts';
import type { Corrections } from './matching.ts';

/** `base`, `source_0`, ..., or `original`: the base without interventions. */
export type RunName = string;

/** Where a cable begins or ends: units of a component of a run. */
export interface Place {
  readonly run: RunName;
  readonly component: string;
  /** Null for a component that the model has once. */
  readonly layer: number | null;
  readonly positions: readonly number[] | 'all';
  /** Absent for a component without heads. */
  readonly heads?: readonly number[];
}

/** What pyvene writes beside a place; absent where it says nothing. */
export interface CableSettings {
  readonly lowRankDimension?: number;
  readonly latentDimension?: number;
  readonly partition?: readonly (readonly number[])[];
  /** Of the call: which cells of the partition, or which entries. */
  readonly subspaces?: readonly number[];
  readonly interchangeDimension?: number | readonly number[];
  readonly link?: number;
}

/** By the names that the type gives them, row-major. */
export type CableParameters = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>
>;

export interface Cable {
  /** Stays with a cable while others come and go. */
  readonly id: number;
  /** A type of the library by its name: `VanillaIntervention`. */
  readonly type: string;
  /** Null where nothing is taken from a run. */
  readonly from: Place | null;
  readonly to: Place;
  /** In place of a source: one vector, or one for each unit. */
  readonly constant?: readonly number[];
  readonly settings: CableSettings;
  /** Of its type, from a folder or a file; drawn where they are absent. */
  readonly parameters?: CableParameters;
}

/** A token by its text, or its id where it has no text of its own; null for the model's own. */
export type WatchedToken = string | number | null;

export interface PatchDocument {
  readonly base: string;
  readonly sources: readonly string[];
  /** Of the base, then of each source; empty where nothing stands beside any. */
  readonly beside: readonly Beside[];
  /** What the source's prompt is followed by; its distractor is what the base's is. */
  readonly answer: WatchedToken;
  readonly distractor: WatchedToken;
  /** Of each source's matching with the base. */
  readonly corrections: readonly Corrections[];
  readonly cables: readonly Cable[];
  /** Whether all sources go into the base at once, or each into the next. */
  readonly mode: 'parallel' | 'serial';
  /** Of parameters that are drawn. */
  readonly seed: number;
  /** The source that the sockets of the base are about: its place among the sources. */
  readonly against: number;
  /** What the rack's sockets stand for. */
  readonly view: RackView;
  /** A table in place of one pair; its first is shown, and all are swept. */
  readonly pairs: readonly Pair[] | null;
}

export interface RackView {
  readonly component: string;
  /** What has a column: a position, or a head at all positions. */
  readonly columns: 'position' | 'head';
  /** The head whose sockets are shown by position; null for all heads together. */
  readonly head: number | null;
}

export const emptyDocument: PatchDocument = {
  base: '',
  sources: [''],
  beside: [],
  answer: null,
  distractor: null,
  corrections: [],
  cables: [],
  mode: 'parallel',
  seed: 0,
  against: 0,
  view: { component: 'block_output', columns: 'position', head: null },
  pairs: null,
};

export const sourceRun = (index: number): RunName => `source_${index}`;

/** 2 of `source_2`; null for the base. */
export function sourceIndex(run: RunName): number | null {
  return run.startsWith('source_') ? Number(run.slice('source_'.length)) : null;
}

/** Where a run's prompt stands among all: the base, then the sources. */
export const placeOfRun = (run: RunName): number => (sourceIndex(run) ?? -1) + 1;

/** The source that sockets are about; the last where there are fewer than there were. */
export const shownSource = ({ against, sources }: Pick<PatchDocument, 'against' | 'sources'>): number =>
  Math.max(0, Math.min(against, sources.length - 1));

export type Prompts = Pick<PatchDocument, 'base' | 'sources' | 'beside'>;

/** The text of a prompt by its place: the base, then the sources. */
export const textAt = ({ base, sources }: Prompts, place: number): string =>
  place === 0 ? base : (sources[place - 1] ?? '');

export const besideAt = ({ beside }: Prompts, place: number): Beside => beside[place] ?? {};

/** A document with another picture, sound or target beside a prompt; what is undefined goes. */
export function withBeside(document: PatchDocument, place: number, change: BesideChange): PatchDocument {
  const own = changedBeside(besideAt(document, place), change);
  const beside = Array.from({ length: 1 + document.sources.length }, (_, each) =>
    each === place ? own : besideAt(document, each),
  );
  const isEmpty = beside.every((each) => Object.keys(each).length === 0);
  // A table has columns of text alone: with something beside it, its first pair is one.
  return { ...document, beside: isEmpty ? [] : beside, pairs: null };
}

/** @returns the document with the cable, and the id that it was given */
export function withCable(
  document: PatchDocument,
  cable: Omit<Cable, 'id'>,
): readonly [PatchDocument, number] {
  const id = nextId(document.cables);
  return [{ ...document, cables: [...document.cables, { ...cable, id }] }, id];
}

export function withoutCable(document: PatchDocument, id: number): PatchDocument {
  return { ...document, cables: document.cables.filter((cable) => cable.id !== id) };
}

export function changedCable(document: PatchDocument, id: number, change: Partial<Cable>): PatchDocument {
  const changed = (cable: Cable): Cable => {
    // Parameters are those of a type.
    const { parameters, ...others } = cable;
    const isKept = parameters !== undefined && (change.type ?? cable.type) === cable.type;
    return { ...others, ...(isKept ? { parameters } : {}), ...change, id };
  };
  return { ...document, cables: document.cables.map((cable) => (cable.id === id ? changed(cable) : cable)) };
}

/** A cable one place earlier (-1) or later (1) in the order in which cables of one site act. */
export function movedCable(document: PatchDocument, id: number, by: -1 | 1): PatchDocument {
  const from = document.cables.findIndex((cable) => cable.id === id);
  const other = document.cables[from + by];
  const own = document.cables[from];
  if (!own || !other) return document;
  const cables = document.cables.map((cable) => (cable === own ? other : cable === other ? own : cable));
  return { ...document, cables };
}

const swappedBeside = (document: PatchDocument, place: number): readonly Beside[] =>
  Array.from({ length: 1 + document.sources.length }, (_, each) =>
    besideAt(document, each === 0 ? place : each === place ? 0 : each),
  );

/** Base and source change places; cables hang where they hung, in the other prompts. */
export function swappedRuns(document: PatchDocument): PatchDocument {
  const shown = shownSource(document);
  return {
    ...document,
    base: document.sources[shown] ?? '',
    sources: document.sources.map((text, index) => (index === shown ? document.base : text)),
    beside: document.beside.length === 0 ? [] : swappedBeside(document, shown + 1),
    answer: document.distractor,
    distractor: document.answer,
    corrections: [],
    pairs:
      document.pairs?.map(({ clean, corrupted = '', answer, distractor }) => ({
        clean: corrupted,
        corrupted: clean,
        ...(distractor === undefined ? {} : { answer: distractor }),
        ...(answer === undefined ? {} : { distractor: answer }),
      })) ?? null,
  };
}

/** A table of pairs, whose first is the one that is shown: nothing stands beside its texts. */
export function withPairs(document: PatchDocument, pairs: readonly Pair[]): PatchDocument {
  const [first] = pairs;
  if (!first) return document;
  const bare = [0, 1].reduce(
    (own, place) => withBeside(own, place, { target: undefined, image: undefined, sound: undefined }),
    document,
  );
  return {
    ...bare,
    base: String(first.corrupted ?? ''),
    sources: [String(first.clean), ...document.sources.slice(1)],
    answer: first.answer ?? null,
    distractor: first.distractor ?? null,
    corrections: [],
    pairs,
  };
}

/** A source with its cables goes; those of later sources stay theirs, under the number that these have then. */
export function withoutSource(document: PatchDocument, place: number): PatchDocument {
  const renamed = (run: RunName): RunName => {
    const index = sourceIndex(run);
    return index !== null && index > place ? sourceRun(index - 1) : run;
  };
  const isOther = (_: unknown, index: number) => index !== place;
  return {
    ...document,
    sources: document.sources.filter(isOther),
    beside: document.beside.filter((_, index) => index !== place + 1),
    corrections: document.corrections.filter(isOther),
    against: document.against > place ? document.against - 1 : document.against,
    cables: document.cables
      .filter(({ from, to }) => from?.run !== sourceRun(place) && to.run !== sourceRun(place))
      .map(({ from, to, ...cable }) => ({
        ...cable,
        from: from && { ...from, run: renamed(from.run) },
        to: { ...to, run: renamed(to.run) },
      })),
  };
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** The letter that a cable is called by: its place in the list. */
export const cableLetter = (index: number): string =>
  index < letters.length ? (letters[index] ?? '') : String(index + 1);
