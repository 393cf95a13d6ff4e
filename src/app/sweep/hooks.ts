// The page of a sweep as its fields see it: the document, changes of it, and the sentence that belongs to a field.

import { useCallback, useMemo } from 'react';
import { useStore } from 'zustand';
import type { ExperimentPage } from '../experiment/experimentPage.ts';
import { useAnyPage, useAnyState, usePageOf } from '../experiment/pageContext.tsx';
import { type SweepDocument, type SweepExperiment, typed } from './document.ts';
import type { SweepResult, SweepTypes } from './page.ts';
import { fieldOf } from './problems.ts';

/** The page whatever its kind; a component of one kind asks for it by the kind's own types. */
export const useSweepPage = (): ExperimentPage<SweepTypes> => usePageOf<SweepTypes>(useAnyPage().name);

export function useSweepDocument<Experiment extends SweepExperiment, Result extends SweepResult>(
  page: ExperimentPage<SweepTypes<Experiment, Result>>,
): SweepDocument<Experiment> | null {
  return useStore(page.store, (state) => state.history.present);
}

/**
 * Types into a field: one step of undo for as long as it goes on.
 * @param frees another field that goes with the change
 */
export type TypeInto<Experiment> = (
  field: string,
  text: string,
  change: (experiment: Experiment) => unknown,
  frees?: string,
) => void;

export function useTypeInto<Experiment extends SweepExperiment, Result extends SweepResult>(
  page: ExperimentPage<SweepTypes<Experiment, Result>>,
): TypeInto<Experiment> {
  return useCallback(
    (field, text, change, frees) => {
      const read = (value: unknown) => page.definition.kind.read(value);
      page.edit((document) => document && typed(document, read, { field, text, frees }, change), field);
    },
    [page],
  );
}

/** What is wrong with each field: what the document says of itself, else what the engine says of the experiment. */
export function useProblems(): ReadonlyMap<string, string> {
  const document = useSweepDocument(useSweepPage());
  const problems = useAnyState((state) => state.draft.problems);
  const refusal = useAnyState(({ estimate, key }) =>
    estimate.status === 'refused' && estimate.key === key ? estimate.message : null,
  );
  return useMemo(() => {
    if (refusal === null || document === null) return problems;
    const field = fieldOf(refusal, document.experiment);
    return field === null ? problems : new Map([...problems, [field, refusal]]);
  }, [document, problems, refusal]);
}
