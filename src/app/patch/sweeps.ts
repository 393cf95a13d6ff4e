// The rack's same-place cables as an experiment: the patch of the pair's clean run, which is the source, into its corrupted
// one, which is the base.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import { type GivenFile, isSameFile } from '../../experiments/givenFile.ts';
import { partsOfGiven } from '../../experiments/givenPrompt.ts';
import type { Pair } from '../../experiments/pairs.ts';
import { type PatchExperiment, readPatchExperiment } from '../../experiments/patch/experiment.ts';
import { hasTarget } from '../prompt/hasTarget.ts';
import { givenAt, isGiven } from './beside.ts';
import { type PatchDocument, shownSource, sourceRun } from './document.ts';
import type { PatchDraft } from './draft.ts';
import type { Shelf } from './sockets.ts';

export interface SweepProblem {
  readonly ok: false;
  readonly why: string;
  /** Whether it passes by itself, once the prompts are read. */
  readonly isWaiting?: true;
}

export const waiting: SweepProblem = { ok: false, why: 'The prompts are not read yet.', isWaiting: true };

export type SweepOf = { readonly ok: true; readonly experiment: PatchExperiment } | SweepProblem;

const no = (why: string): SweepProblem => ({ ok: false, why });

/** The prompts that the rack shows as a pair: the source is its clean one, the base its corrupted one. */
export function shownPair(document: PatchDocument, { model, answer, distractor }: PatchDraft): Pair {
  const reads = model?.reads ?? null;
  const [base, source] = [0, shownSource(document) + 1].map((place) =>
    partsOfGiven(givenAt(document, place, reads)),
  );
  return {
    clean: source?.prompt ?? '',
    ...(reads?.isAlone ? {} : { corrupted: base?.prompt ?? '' }),
    ...partsOfPair('target', source?.target, base?.target, source?.target === base?.target),
    ...partsOfPair('image', source?.image, base?.image, areSame(source?.image, base?.image)),
    ...partsOfPair('sound', source?.sound, base?.sound, areSame(source?.sound, base?.sound)),
    ...(answer ? { answer: answer.id } : {}),
    ...(distractor ? { distractor: distractor.id } : {}),
  };
}

const areSame = (one: GivenFile | undefined, other: GivenFile | undefined): boolean =>
  one === other || (one !== undefined && other !== undefined && isSameFile(one, other));

const corruptedNames = {
  target: 'corruptedTarget',
  image: 'corruptedImage',
  sound: 'corruptedSound',
} as const;

/** A part that both have is stated once. */
function partsOfPair(
  name: keyof typeof corruptedNames,
  clean: unknown,
  corrupted: unknown,
  isSame: boolean,
): Partial<Pair> {
  const other = name === 'target' ? (corrupted ?? '') : corrupted;
  return {
    ...(clean === undefined ? {} : { [name]: clean }),
    ...(isSame || other === undefined ? {} : { [corruptedNames[name]]: other }),
  };
}

/** Why there is no pair to sweep over yet; null when there is. */
export function whyNoPair(document: PatchDocument, { model }: PatchDraft): string | null {
  const reads = model?.reads ?? null;
  const [base, source] = [0, shownSource(document) + 1].map((place) => isGiven(document, place, reads));
  if (base && source) return null;
  if (!reads || hasTarget(reads)) return 'A sweep needs both prompts; type the other one.';
  return `A sweep needs both prompts; choose the other ${reads.kind === 'image' ? 'picture' : 'sound'}.`;
}

/** The sweep of what the rack shows, over the pair or the table of pairs. */
export function patchExperimentOf(document: PatchDocument, draft: PatchDraft, shelf: Shelf): SweepOf {
  const { model, tokens, answer } = draft;
  const { view, component } = shelf;
  const why = whyNoPair(document, draft);
  if (why !== null) return no(why);
  if (!model || !tokens || !answer) return waiting;
  if (component.scope === 'model')
    return no(`'${component.name}' exists once in the model; a sweep goes over layers.`);
  const { name } = component;
  const [base, source] = ['base', sourceRun(shownSource(document))].map(
    (run) => draft.unitsOf(run, name).length,
  );
  const isSamePlace = draft.matchingOf(name).every((place, position) => place === position);
  if (view.columns === 'position' && (source !== base || !isSamePlace))
    return no(
      source === base
        ? 'A sweep puts every position into the same one, and positions are matched otherwise here. Point at sockets to measure them one by one.'
        : `The prompts have ${base} and ${source} tokens, so a sweep by position has no same places. Point at sockets to measure them one by one, or sweep by head.`,
    );
  const heads = component.layout === 'token' || view.head === null ? {} : { heads: [view.head] };
  try {
    const experiment = readPatchExperiment({
      kind: 'patch',
      version: 1,
      model: model.label,
      pairs: document.pairs ?? [shownPair(document, draft)],
      sweeps: [
        {
          component: component.name,
          by: view.columns,
          ...(view.columns === 'head' ? {} : heads),
        },
      ],
    });
    return { ok: true, experiment };
  } catch (error) {
    if (error instanceof ExperimentError) return no(error.message);
    throw error;
  }
}
