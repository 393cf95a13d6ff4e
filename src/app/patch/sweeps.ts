// The rack's same-place cables as an experiment: the patch of the pair's clean run, which is the source, into its corrupted
// one, which is the base.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import { type PatchExperiment, readPatchExperiment } from '../../experiments/patch/experiment.ts';
import { type PatchDocument, shownSource } from './document.ts';
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

/** The sweep of what the rack shows, over the pair or the table of pairs. */
export function patchExperimentOf(document: PatchDocument, draft: PatchDraft, shelf: Shelf): SweepOf {
  const { model, tokens, answer, distractor, matching } = draft;
  const { view, component } = shelf;
  const { base, sources, pairs } = document;
  const shown = shownSource(document);
  const source = sources[shown] ?? '';
  if (source === '' || base === '') return no('A sweep needs both prompts; type the other one.');
  if (!model || !tokens || !answer) return waiting;
  if (component.scope === 'model')
    return no(`'${component.name}' exists once in the model; a sweep goes over layers.`);
  const isSamePlace = matching.every((place, position) => place === position);
  const first = tokens.sources[shown] ?? [];
  if (view.columns === 'position' && (first.length !== tokens.base.length || !isSamePlace))
    return no(
      first.length === tokens.base.length
        ? 'A sweep puts every position into the same one, and positions are matched otherwise here. Point at sockets to measure them one by one.'
        : `The prompts have ${tokens.base.length} and ${first.length} tokens, so a sweep by position has no same places. Point at sockets to measure them one by one, or sweep by head.`,
    );
  const heads = component.layout === 'token' || view.head === null ? {} : { heads: [view.head] };
  try {
    const experiment = readPatchExperiment({
      kind: 'patch',
      version: 1,
      model: model.label,
      pairs: pairs ?? [
        {
          clean: source,
          corrupted: base,
          answer: answer.id,
          ...(distractor ? { distractor: distractor.id } : {}),
        },
      ],
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
