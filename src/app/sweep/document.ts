// What a person edits on the page of a sweep: the experiment as its file holds it, so that nothing of a file is dropped, and
// beside it what stands in fields where it is no value yet. A change makes the next document; the kind's own schema says
// what cannot be, and the sentence stays with the field.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import type { AnyExperiment } from '../../experiments/kind.ts';
import { type CorruptedOfPair, type Pair, partedPair } from '../../experiments/pairs.ts';
import type { Ablation, PatchExperiment } from '../../experiments/patch/experiment.ts';

export interface SweepExperiment extends AnyExperiment {
  readonly pairs: readonly Pair[];
}

/** What stands in a field and is no value of it. */
export interface Unfinished {
  readonly text: string;
  /** In a sentence. */
  readonly why: string;
}

export interface SweepDocument<Experiment extends SweepExperiment = SweepExperiment> {
  readonly experiment: Experiment;
  /** By the field's name, which is its place in the file: `sweeps.0.window`. */
  readonly unfinished: Readonly<Record<string, Unfinished>>;
  /** The pair whose prompts stand in the fields. */
  readonly at: number;
  /** What the pairs say of their second prompts, which an ablation has no use for; it comes back when it goes. */
  readonly aside: readonly (CorruptedOfPair | undefined)[];
}

export const documentOf = <Experiment extends SweepExperiment>(
  experiment: Experiment,
): SweepDocument<Experiment> => ({ experiment, unfinished: {}, at: 0, aside: [] });

/** The pair whose prompts stand in the fields: the last where there are fewer than there were. */
export const shownAt = ({ experiment, at }: Pick<SweepDocument, 'experiment' | 'at'>): number =>
  Math.max(0, Math.min(at, experiment.pairs.length - 1));

export interface FieldText {
  /** `sweeps.0.window` */
  readonly field: string;
  readonly text: string;
  /** Another field that goes with the change, and what is unfinished in it. */
  readonly frees?: string | undefined;
}

/**
 * The document after something was typed into a field. What cannot be read stays there with the reason, and the experiment
 * as it was.
 * @param read   checks a whole experiment, as the kind does
 * @param change of the experiment; may throw an ExperimentError of what cannot be read
 */
export function typed<Experiment extends SweepExperiment>(
  document: SweepDocument<Experiment>,
  read: (value: unknown) => Experiment,
  { field, text, frees = field }: FieldText,
  change: (experiment: Experiment) => unknown,
): SweepDocument<Experiment> {
  const { [field]: _, ...others } = document.unfinished;
  try {
    const { [frees]: __, ...unfinished } = others;
    return { ...document, experiment: read(change(document.experiment)), unfinished };
  } catch (cause) {
    if (!(cause instanceof ExperimentError)) throw cause;
    return { ...document, unfinished: { ...others, [field]: { text, why: cause.message } } };
  }
}

/** The document without what is unfinished in a part of it, whose places in lists have changed. */
export function settledIn<Experiment extends SweepExperiment>(
  document: SweepDocument<Experiment>,
  part: string,
): SweepDocument<Experiment> {
  const kept = Object.entries(document.unfinished).filter(([field]) => !field.startsWith(part));
  return { ...document, unfinished: Object.fromEntries(kept) };
}

/** A pair changed; what is undefined is left out. */
export function changedPair<Experiment extends SweepExperiment>(
  experiment: Experiment,
  at: number,
  change: { readonly [Name in keyof Pair]?: Pair[Name] | undefined },
): Experiment {
  const pairs = experiment.pairs.map((pair, index) => {
    if (index !== at) return pair;
    const { clean = '', ...others } = { ...pair, ...change };
    const stated = Object.entries(others).filter(([, value]) => value !== undefined);
    // What is left keeps its name and its value.
    return { clean, ...(Object.fromEntries(stated) as Omit<Pair, 'clean'>) };
  });
  return { ...experiment, pairs };
}

/** Pairs come and go with what was set aside of them. */
export function withPairs<Experiment extends SweepExperiment>(
  document: SweepDocument<Experiment>,
  pairs: readonly Pair[],
  at: number,
): SweepDocument<Experiment> {
  const { aside, experiment } = document;
  const asideOf = (pair: Pair) => aside[experiment.pairs.indexOf(pair)];
  return {
    ...settledIn(document, 'pairs.'),
    experiment: { ...experiment, pairs },
    at,
    aside: aside.length === 0 ? [] : pairs.map(asideOf),
  };
}

export type AblationName = Ablation['kind'] | 'none';

/** Whether a second prompt is taken from. */
export const hasCorrupted = (experiment: SweepExperiment): boolean =>
  (Reflect.get(experiment, 'ablation') ?? undefined) === undefined;

/** The prompts of all pairs, each once. */
const promptsOf = (pairs: readonly Pair[], aside: SweepDocument['aside']) => {
  const prompts = pairs.flatMap(({ clean, corrupted }, index) => [
    clean,
    corrupted ?? aside[index]?.corrupted,
  ]);
  const texts = prompts.filter((prompt) => prompt !== undefined);
  return [...new Map(texts.map((prompt) => [JSON.stringify(prompt), prompt])).values()];
};

/** Another thing, or nothing, in place of what the second prompt has there. */
export function withAblation(
  document: SweepDocument<PatchExperiment>,
  name: AblationName,
): SweepDocument<PatchExperiment> {
  const { experiment, aside: before } = document;
  const { ablation: earlier, direction, pairs, ...others } = experiment;
  const settled = settledIn(document, 'ablation.');
  if (name === 'none')
    return {
      ...settled,
      aside: [],
      experiment: {
        ...others,
        pairs: pairs.map((pair, index) => ({ ...before[index], ...pair })),
      },
    };
  const prompts = earlier && 'prompts' in earlier ? earlier.prompts : promptsOf(pairs, before);
  const ablations: Readonly<Record<Ablation['kind'], Ablation>> = {
    zero: { kind: 'zero' },
    mean: { kind: 'mean', prompts },
    resample: { kind: 'resample', prompts, seed: 1, samples: 1 },
  };
  return {
    ...settled,
    aside: earlier ? before : pairs.map((pair) => partedPair(pair).corrupted),
    experiment: {
      ...others,
      // An ablation is of the clean run and restores nothing.
      ...(direction === undefined || direction === 'restore' ? {} : { direction }),
      pairs: pairs.map((pair) => partedPair(pair).clean),
      ablation: ablations[name],
    },
  };
}
